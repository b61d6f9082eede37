"""Whole-number events: a step looks up rows of a table, which PyTorch does for all events before the loop."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import wolfdog as wd


class Reading(nn.Module):
    """A GRU over a function of whole numbers, an event of two."""

    def __init__(self, function: Callable[["Reading", Tensor, Tensor], Tensor], **options: object) -> None:
        super().__init__()
        self.function = function
        self.table, self.unit = nn.Embedding(11, 4, **options), nn.GRUCell(4, 4)  # type: ignore[arg-type]
        self.map = nn.Linear(8, 4)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.unit(self.function(self, x, h), h)


READS: dict[str, Callable[[Reading, Tensor, Tensor], Tensor]] = {
    "one": lambda cell, x, h: cell.table(x[:, 0]),
    "squeezed": lambda cell, x, h: cell.table(x[:, 1:].squeeze(-1)),
    "both": lambda cell, x, h: cell.map(cell.table(x).flatten(1)),
    "sum": lambda cell, x, h: cell.table(x).sum(1),
    "turned": lambda cell, x, h: cell.table(x.roll(1, 1)).mean(1),
    "two lookups": lambda cell, x, h: cell.table(x[:, 0]) * cell.table(x[:, 1]),
    "index": lambda cell, x, h: cell.table.weight[x[:, 0]],
    "computed table": lambda cell, x, h: F.embedding(x[:, 0], torch.tanh(cell.table.weight)),
    "tied table": lambda cell, x, h: (
        cell.table(x[:, 0]) * torch.sigmoid(h @ cell.table.weight.T).sum(-1, True)
    ),
    "masked": lambda cell, x, h: torch.where(x[:, :1] != 2, cell.table(x[:, 0]), h),
    "numbers": lambda cell, x, h: cell.table(x[:, 0]) * x[:, 1:].float() + 0.1 * x[:, :1],
    "long": lambda cell, x, h: cell.table(x[:, 0].long()),
}
CALLS = [((5, 2, 2), {}), ((1, 2, 2), {}), ((9, 33, 2), {}), ((5, 2, 2), {"lengths": [3, 1]}),
         ((5, 2, 2), {"resets": torch.eye(5, 2, dtype=torch.bool)})]  # fmt: skip


THOROUGH = "one", "masked"


def _results(layer: wd.Recurrent, x: Tensor, **options: object) -> list[Tensor]:
    y, h = layer(x, **options)  # type: ignore[arg-type]
    wanted = list(layer.parameters())
    found = torch.autograd.grad(y.sum() + h.sin().sum(), wanted, allow_unused=True)
    with torch.no_grad():
        step = layer.step(x[0], h)[0]
    return [y, h, step, *(torch.zeros(()) if g is None else g.to_dense() for g in found)]


@pytest.mark.parametrize("name", READS)
def test_kernels_agree_with_the_loop(name: str) -> None:
    dtype = torch.int32 if name in ("one", "long") else torch.int64
    cell = Reading(READS[name])
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    for shape, options in CALLS if name in THOROUGH else CALLS[:1]:
        x = torch.randint(0, 11, shape, dtype=dtype)
        if "lengths" in options:
            x[3:, 0], x[1:, 1] = -100, 77  # padding, which names no row
        for _ in range(3):  # the third call takes the fast path
            ours = _results(layer, x, **options)
        torch.testing.assert_close(ours, _results(loop, x, **options), rtol=1e-4, atol=1e-5)
        assert layer.backend == "llvm", layer.fallback_reason


@pytest.mark.parametrize("options", [{"padding_idx": 2}, {"sparse": True}])
def test_options_of_embeddings_hold(options: dict[str, object]) -> None:
    cell, x = Reading(READS["one"], **options), torch.randint(0, 4, (7, 3, 2))
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    torch.testing.assert_close(_results(layer, x), _results(loop, x))
    assert layer.backend == "llvm"
    if "padding_idx" in options:
        (gradient,) = torch.autograd.grad(layer(x)[0].sum(), cell.table.weight)
        assert not gradient[2].any()
        assert gradient[0].any()


def test_the_table_is_never_stale() -> None:
    cell, x, h = Reading(READS["one"]), torch.randint(0, 11, (5, 2, 2)), torch.zeros(2, 4)
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    with torch.no_grad():
        for _ in range(4):
            torch.testing.assert_close(layer(x), loop(x))
            torch.testing.assert_close(layer.step(x[0], h), loop.step(x[0], h))
            cell.table.weight.data.mul_(0.5)
        cell.table = nn.Embedding(3, 4)
        with pytest.raises(IndexError):
            layer(x)


@pytest.mark.parametrize("wrong", [11, -1])
@pytest.mark.parametrize("backend", [None, "eager"])
def test_a_number_without_a_row_is_an_error(wrong: int, backend: str | None) -> None:
    layer, x = wd.Recurrent(Reading(READS["one"]), backend=backend), torch.zeros(3, 2, 2, dtype=torch.int64)
    with torch.no_grad():
        for _ in range(3):
            layer(x)
            layer.step(x[0], torch.zeros(2, 4))
        x[1] = wrong
        with pytest.raises(IndexError, match="out of range"):
            layer(x)
        with pytest.raises(IndexError, match="out of range"):
            layer.step(x[1], torch.zeros(2, 4))


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda cell, x, h: cell.table((x[:, 0] + 1) % 11), "add computes with whole numbers"),
        (lambda cell, x, h: cell.table(x[:, 0] // 2), "floor_divide|div computes with whole numbers"),
        (lambda cell, x, h: torch.where(x[:, :1] == x[:, 1:], h, 0.0), "eq computes with whole numbers"),
        (lambda cell, x, h: torch.where(x[:, :1] == 1 << 25, h, 0.0), "eq computes with whole numbers"),
        (
            lambda cell, x, h: F.embedding(x[:, 0], cell.table.weight, scale_grad_by_freq=True),
            "indices of one step",
        ),
        (lambda cell, x, h: cell.table((h > 0).sum(-1)), "numbers that the step computes"),
        (lambda cell, x, h: (4 * h).to(torch.int64).to(h.dtype), "a conversion to torch.int64"),
    ],
)
def test_what_is_not_sound_runs_in_the_loop(function: Callable[..., Tensor], says: str) -> None:
    cell, x = Reading(function), torch.randint(0, 9, (4, 2, 2))
    layer = wd.Recurrent(cell)
    with pytest.warns(RuntimeWarning, match=says):
        found = _results(layer, x)
    torch.testing.assert_close(found, _results(wd.Recurrent(cell, backend="eager"), x))


def test_second_derivatives_checkpoints_and_graphs() -> None:
    cell, x = Reading(READS["one"]).double(), torch.randint(0, 11, (7, 2, 2))
    cell.initial_state = lambda batch: torch.zeros(batch, 4, dtype=torch.float64)  # type: ignore[method-assign]
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    found = []
    for one in (layer, loop):
        (first,) = torch.autograd.grad(one(x)[0].square().sum(), cell.table.weight, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), cell.table.weight)[0])
    torch.testing.assert_close(*found)
    inside = _results(wd.Recurrent(cell, checkpoint_every=2), x)
    torch.testing.assert_close(inside, _results(loop, x))
    graph = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(graph(x), loop(x))
    (ours,) = torch.autograd.grad(graph(x)[0].sum(), cell.table.weight)
    torch.testing.assert_close(ours, torch.autograd.grad(loop(x)[0].sum(), cell.table.weight)[0])
