"""Random numbers within a step: kernels read those that the loop draws from PyTorch's generator."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import wolfdog as wd


class Drawing(nn.Module):
    """A GRU whose results are changed by a function that draws random numbers."""

    input_size = 3

    def __init__(self, function: Callable[["Drawing", Tensor], Tensor], before: bool = False) -> None:
        super().__init__()
        self.function, self.before = function, before
        self.unit, self.drop = nn.GRUCell(3, 4), nn.Dropout(0.4)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        if self.before:
            x, h = self.drop(x), self.drop(h)
        return torch.tanh(self.function(self, self.unit(x, h)))


def _two_by_two(h: Tensor) -> Tensor:
    return h.unflatten(-1, (2, 2))


DRAWS: dict[str, Callable[[Drawing, Tensor], Tensor]] = {
    "dropout": lambda cell, h: cell.drop(h),
    "dropout in place": lambda cell, h: F.dropout(1 * h, 0.4, cell.training, inplace=True),
    "dropout of everything": lambda cell, h: F.dropout(h, 1.0) + 0.5 * h,
    "dropout of nothing": lambda cell, h: F.dropout(h, 0.0),
    "dropout that nothing reads": lambda cell, h: (F.dropout(h), cell.drop(h))[1],
    "dropout of a transposed tensor": lambda cell, h: cell.drop(_two_by_two(h).transpose(1, 2)).flatten(1),
    "alpha_dropout": lambda cell, h: F.alpha_dropout(h, 0.4, cell.training),
    "dropout1d": lambda cell, h: F.dropout1d(_two_by_two(h), 0.4, cell.training).flatten(1),
    "randn_like": lambda cell, h: h + 0.1 * torch.randn_like(h),
    "rand_like": lambda cell, h: h * torch.rand_like(h),
    "rand": lambda cell, h: h * torch.rand(len(h), 4),
    "bernoulli_": lambda cell, h: h * torch.empty_like(h).bernoulli_(0.4),
}
CALLS = [((5, 2, 3), {}), ((1, 2, 3), {}), ((9, 33, 3), {}), ((5, 2, 3), {"lengths": [3, 1]}),
         ((5, 2, 3), {"resets": torch.eye(5, 2, dtype=torch.bool)})]  # fmt: skip


THOROUGH = "dropout", "dropout of a transposed tensor"


def _results(layer: wd.Recurrent, x: Tensor, **options: object) -> list[Tensor]:
    torch.manual_seed(3)
    y, h = layer(x, **options)  # type: ignore[arg-type]
    after = torch.rand(3)  # the generator is left as the loop leaves it
    return [y, h, after, *torch.autograd.grad(y.sum() + h.sin().sum(), list(layer.parameters()))]


@pytest.mark.parametrize("name", DRAWS)
def test_kernels_read_the_numbers_that_the_loop_draws(name: str) -> None:
    cell = Drawing(DRAWS[name], before=name == "dropout")
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    for shape, options in CALLS if name in THOROUGH else CALLS[:1]:
        x = torch.randn(shape)
        for _ in range(3):  # the third call takes the fast path
            ours = _results(layer, x, **options)
        torch.testing.assert_close(ours, _results(loop, x, **options), rtol=1e-4, atol=1e-5)
        assert layer.backend == "llvm", layer.fallback_reason
    pairs = []
    for one in (layer, loop):
        torch.manual_seed(4)
        pairs.append((one.step(torch.ones(2, 3), torch.ones(2, 4))[0], torch.rand(2)))
    torch.testing.assert_close(*pairs)


def test_masks_differ_between_steps_and_calls() -> None:
    cell = Drawing(lambda cell, h: F.dropout(torch.ones_like(h)))
    layer = wd.Recurrent(cell)
    y, again = layer(torch.zeros(20, 1, 3))[0], layer(torch.zeros(20, 1, 3))[0]
    assert layer.backend == "llvm"
    assert len(y.unique(dim=0)) > 5
    assert not torch.equal(y, again)


def test_checkpoints_draw_the_same_numbers_again() -> None:
    cell, x = Drawing(lambda cell, h: cell.drop(h), before=True), torch.randn(7, 2, 3)
    ours = _results(wd.Recurrent(cell, checkpoint_every=2), x)
    torch.testing.assert_close(ours, _results(wd.Recurrent(cell, backend="eager"), x), rtol=1e-4, atol=1e-5)


def test_a_cell_that_makes_its_own_zeros_compiles_with_dropout() -> None:
    class Own(Drawing):
        initial_state = None  # type: ignore[assignment]

        def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
            return super().forward(x, x.new_zeros(len(x), 4) if h is None else h)

    cell, x = Own(lambda cell, h: cell.drop(h)), torch.randn(5, 2, 3)
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    for _ in range(3):
        torch.testing.assert_close(_results(layer, x), _results(loop, x), rtol=1e-4, atol=1e-5)
        assert layer.backend == "llvm", layer.fallback_reason
    marks = torch.eye(5, 2, dtype=torch.bool)
    torch.testing.assert_close(_results(layer, x, resets=marks), _results(loop, x, resets=marks))
    assert "twice" in str(layer.fallback_reason)


def test_transposed_events_are_run_by_the_loop_since_it_draws_in_the_order_of_memory() -> None:
    cell = Drawing(lambda cell, h: h, before=True)
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    x = torch.randn(5, 3, 8).transpose(1, 2)
    torch.testing.assert_close(_results(layer, x), _results(loop, x))
    assert "order of memory" in str(layer.fallback_reason)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda cell, h: h * torch.rand(h.shape, generator=torch.Generator()), "generator of the cell's own"),
        (lambda cell, h: h * torch.rand(4), "not one for each example"),
        (lambda cell, h: h[:, torch.randperm(4)], "randperm.* draws random numbers"),
        (lambda cell, h: torch.bernoulli(torch.sigmoid(h)), "bernoulli.* draws random numbers"),
        (lambda cell, h: h + torch.empty_like(h), "unset numbers"),
        (lambda cell, h: torch.zeros_like(h)[:, :2].bernoulli_().repeat(1, 2) * h, "view of another tensor"),
    ],
)
def test_other_random_numbers_run_in_the_loop(function: Callable[..., Tensor], says: str) -> None:
    layer = wd.Recurrent(Drawing(function))
    before = torch.get_rng_state()
    with pytest.warns(RuntimeWarning, match=says):
        assert layer.backend == "eager"
    assert torch.equal(before, torch.get_rng_state())


def test_eval_draws_nothing() -> None:
    cell, x = Drawing(lambda cell, h: cell.drop(h)), torch.randn(5, 2, 3)
    layer = wd.Recurrent(cell).eval()
    before = torch.get_rng_state()
    layer(x)
    assert torch.equal(before, torch.get_rng_state())
    assert layer.backend == "llvm"
