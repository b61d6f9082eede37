"""Where gradients flow, and where they end."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from foreign_cells import LearnedStart, Nested
from tolerances import assert_agree, assert_same
from wolfdog.layers import detach
from wolfdog.layers.cell.state import tensors


def lstm(**options: object) -> wd.Recurrent:
    return wd.Recurrent(wd.cells.LSTMCell(3, 4), **options)


def test_to_events_parameters_and_the_given_state_and_not_past_ends_and_resets() -> None:
    layer = lstm()
    x = torch.randn(6, 3, 3, requires_grad=True)
    state = tuple(torch.randn(3, 4, requires_grad=True) for _ in range(2))
    resets = torch.zeros(6, 3, dtype=torch.bool)
    resets[3, 2] = True
    y, _ = layer(x, state, lengths=[6, 2, 6], resets=resets)
    (y[5].sum() + y[1].sum()).backward()
    reached = x.grad.abs().sum(-1) > 0
    # y[5] reaches the first event, none (past its end), the reset; y[1] reaches events 0 and 1.
    assert reached[:, 0].tolist() == [True] * 6
    assert reached[:, 1].tolist() == [True] * 2 + [False] * 4
    assert reached[:, 2].tolist() == [True] * 2 + [False] + [True] * 3
    assert all(bool((part.grad.abs().sum(-1) > 0).all()) for part in state)
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in layer.parameters())


def test_to_a_learned_initial_state_through_a_reset() -> None:
    layer = wd.Recurrent(LearnedStart())
    resets = torch.tensor([[False], [True], [False]])
    layer(torch.randn(3, 1, 3), torch.zeros(1, 4), resets=resets)[0].sum().backward()
    assert layer.cell.start.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "ElmanCell"])
def test_short_and_long_sequences_in_turn(name: str) -> None:
    """Short ones read matrices where they lie, and compute maps of events within the recurrence's own function."""
    torch.manual_seed(0)
    layer = wd.Recurrent(getattr(wd.cells, name)(40, 50))
    eager = wd.Recurrent(layer.cell, backend="eager")
    for steps, batch in [(5, 2), (5, 2), (5, 2), (150, 4), (5, 2), (150, 4), (2, 1), (1, 33), (3, 11)]:
        found = []
        for one in (layer, eager):
            one.zero_grad()
            x = torch.linspace(-1, 1, steps * batch * 40).view(steps, batch, 40).requires_grad_()
            y, state = one(x)
            (y.sum() + sum(part.square().sum() for part in tensors(state))).backward()
            found.append((y, x.grad, *(p.grad.clone() for p in one.parameters())))
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-4)
    assert layer.backend == "llvm"


class _FromTheLeft(nn.Module):
    """Cell whose matrices are [I, H], and that multiplies them from the left."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u, self.b = (nn.Parameter(torch.randn(shape)) for shape in ((3, 4), (4, 4), (4,)))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x @ self.w + self.b + h @ self.u)


@pytest.mark.parametrize(("make", "name"), [(_FromTheLeft, "w"), (lambda: nn.LSTMCell(3, 4), "weight_ih")])
def test_to_weights_of_events_are_laid_out_as_the_weights(make: Callable[[], nn.Module], name: str) -> None:
    """A parameter would copy a gradient of another layout."""
    layer = wd.Recurrent(make())
    weight = getattr(layer.cell, name)
    y, _ = layer(torch.randn(5, 2, 3))
    (found,) = torch.autograd.grad(y.sum(), weight)
    assert found.stride() == weight.stride()
    assert layer.backend == "llvm"


def test_detach_ends_them() -> None:
    layer = wd.Recurrent(Nested())
    _, state = layer(torch.randn(3, 2, 3))
    cut = detach(state)
    assert type(cut) is type(state)
    assert_same(tuple(cut.held), tuple(part.detach() for part in state.held))
    assert state.out.requires_grad
    assert not any(part.requires_grad for part in (cut.out, *cut.held))


def test_truncated_backpropagation_carries_the_state_and_stops_the_gradient() -> None:
    layer, x = lstm(), torch.randn(8, 2, 3, requires_grad=True)
    whole, _ = layer(x)
    first, state = layer(x[:4])
    second, _ = layer(x[4:], detach(state))
    assert_same(torch.cat((first, second)), whole)
    second.sum().backward()
    assert not x.grad[:4].any()
    assert x.grad[4:].any()


FORMS = {
    "plain": {},
    "ends": {"lengths": torch.tensor([5, 4, 2])},
    "ends in any order": {"lengths": torch.tensor([2, 5, 4])},
    "resets": {"resets": torch.arange(15).view(5, 3) % 4 == 1},
}
by_form = pytest.mark.parametrize("form", FORMS)
by_options = pytest.mark.parametrize("options", [{}, {"checkpoint_every": 2}, {"backend": "eager"}], ids=str)


@by_options
@by_form
def test_results_and_lengths_may_be_written_into(form: str, options: dict[str, object]) -> None:
    layer, x = lstm(**options), torch.randn(5, 3, 3, requires_grad=True)
    found = []
    for write in (True, False):
        marks = {name: value.clone() for name, value in FORMS[form].items()}
        y, (stm, ltm) = layer(x, **marks)
        total = 2 * y.sum() + 3 * ltm.sum() + stm.sum()
        if write:
            marks.get("lengths", torch.ones(1)).zero_()
            y.mul_(2)
            ltm.mul_(3)
            total = y.sum() + ltm.sum() + stm.sum()
        found.append(torch.autograd.grad(total, [x, *layer.parameters()]))
    assert_agree(*found)


@by_options
@by_form
def test_many_gradients_at_once(form: str, options: dict[str, object]) -> None:
    layer, x = lstm(**options).double(), torch.randn(5, 3, 3, dtype=torch.float64, requires_grad=True)
    y, (_, ltm) = layer(x, **FORMS[form])
    wanted = [x, *layer.parameters()]
    for_y, for_ltm = torch.randn(2, *y.shape, dtype=y.dtype), torch.randn(2, *ltm.shape, dtype=y.dtype)
    together = torch.autograd.grad(
        [y, ltm], wanted, [for_y, for_ltm], is_grads_batched=True, retain_graph=True
    )
    alone = [
        torch.autograd.grad([y, ltm], wanted, one, retain_graph=True)
        for one in zip(for_y, for_ltm, strict=True)
    ]
    assert_agree(together, tuple(torch.stack(parts) for parts in zip(*alone, strict=True)))
