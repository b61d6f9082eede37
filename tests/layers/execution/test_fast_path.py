"""Repeated calls over sequences: the fast path beside the eager loop, with and without lengths and resets."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.errors import ShapeError


class _LearnedStart(nn.Module):
    """Cell whose initial state is a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.start = nn.GRUCell(3, 4), nn.Parameter(torch.randn(4))

    def initial_state(self, batch: int) -> Tensor:
        return self.start.expand(batch, 4)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.cell(x, state)


CELLS = {
    "LSTMCell": lambda: nn.LSTMCell(3, 4),
    "PeepholeLSTMCell": lambda: wd.cells.PeepholeLSTMCell(3, 4),
    "a cell with a learned initial state": _LearnedStart,
}


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("name", CELLS)
@settings(deadline=None, max_examples=5)
@given(data=st.data())
def test_repeated_calls_give_what_the_loop_gives(name: str, batch_first: bool, data: st.DataObject) -> None:
    torch.manual_seed(0)
    cell = CELLS[name]()
    fast = wd.Recurrent(cell, batch_first=batch_first)
    loop = wd.Recurrent(cell, batch_first=batch_first, backend="eager")
    x = torch.randn(2, 5, 3) if batch_first else torch.randn(5, 2, 3)
    with torch.no_grad():
        _, last = loop(x)
    for _ in range(5):
        state = last if data.draw(st.booleans()) else None
        lengths = data.draw(st.none() | st.lists(st.integers(1, 5), min_size=2, max_size=2))
        resets = data.draw(st.none() | st.lists(st.booleans(), min_size=10, max_size=10))
        marks = None if resets is None else torch.tensor(resets).view(x.shape[:2])
        found, expected = (layer(x, state, lengths, marks) for layer in (fast, loop))
        torch.testing.assert_close(found, expected)
        leaves = [*cell.parameters()]
        for ours, theirs in zip(
            torch.autograd.grad(found[0].sum(), leaves, allow_unused=True),
            torch.autograd.grad(expected[0].sum(), leaves, allow_unused=True),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs)


class _SharedOverClasses(nn.Module):
    """Cell whose state has a row for each class; all classes share the weights: several products for each example."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.mean = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 5, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.x(x) + self.h(h) + self.mean(h.mean(1, keepdim=True)))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("batch", [1, 3])
def test_one_event_gives_what_a_step_gives(name: str, batch: int, batch_first: bool) -> None:
    torch.manual_seed(0)
    cell = CELLS[name]()
    layer, stepped = wd.Recurrent(cell, batch_first=batch_first), wd.Recurrent(cell)
    loop = wd.Recurrent(cell, batch_first=batch_first, backend="eager")
    with torch.no_grad():
        state = other = None
        for _ in range(6):
            event = torch.randn(batch, 3)
            x = event.unsqueeze(1 if batch_first else 0)
            torch.testing.assert_close(layer(x), loop(x))  # without a state
            expected = loop(x, state)
            y, state = layer(x, state)
            y_t, other = stepped.step(event, other)
            torch.testing.assert_close((y, state), expected)
            assert torch.equal(y.squeeze(1 if batch_first else 0), y_t)
            y.zero_()  # an output is the caller's, and no part of the state
            torch.testing.assert_close(state, expected[1])
    assert layer._paths.sequence_path is None


def test_one_event_takes_the_path_of_a_step_only_without_a_gradient_lengths_and_resets() -> None:
    layer, x = wd.Recurrent(nn.LSTMCell(3, 4)), torch.randn(1, 2, 3)
    loop = wd.Recurrent(layer.cell, backend="eager")
    with torch.no_grad():
        _, state = layer(x)
        for _ in range(3):
            layer(x, state)
    assert layer._paths.step_path is not None
    for options in ({"lengths": [1, 0]}, {"resets": torch.tensor([[True, False]])}, {}):
        found, expected = layer(x, state, **options), loop(x, state, **options)
        torch.testing.assert_close(found, expected)
        assert found[0].requires_grad
        with torch.no_grad():
            torch.testing.assert_close(layer(x, state, **options), expected)
            cell = layer.cell
            cell.weight_ih.add_(0.25)  # weights are read where they lie
            torch.testing.assert_close(layer(x, state, **options), loop(x, state, **options))


class _Heads(nn.Module):
    """Cell with a matrix for each of three parts of its state, stored by rows or by columns."""

    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.turned = turned
        self.w = nn.Parameter(torch.randn(3, 70, 5) / 3 if turned else torch.randn(3, 5, 70) / 3)
        self.back, self.x = nn.Linear(210, 15), nn.Linear(4, 15)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        w = self.w.transpose(1, 2) if self.turned else self.w
        wide = torch.einsum("bhk,hkn->bhn", h, w)
        return torch.tanh(self.x(x) + self.back(wide.flatten(1))).view(-1, 3, 5)


@pytest.mark.parametrize("turned", [False, True])
def test_steps_read_a_matrix_of_each_head_in_place(turned: bool) -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(_Heads(turned), returns="state")
    with torch.no_grad():
        for batch in (1, 6):
            state, other = torch.zeros(batch, 3, 5), torch.zeros(batch, 3, 5)
            for _ in range(4):
                event = torch.randn(batch, 4)
                y, state = layer.step(event, state)
                other = layer.cell(event, other)
                torch.testing.assert_close((y, state), (other, other))
            assert layer._paths.step_path is not None


def test_steps_of_a_state_with_a_row_for_each_class_run_over_weights_in_place() -> None:
    torch.manual_seed(0)
    layer = wd.Recurrent(_SharedOverClasses(), returns="state")
    with torch.no_grad():
        for batch in (1, 4):
            state, other = torch.zeros(batch, 6, 5), torch.zeros(batch, 6, 5)
            for _ in range(4):
                event = torch.randn(batch, 6, 3)
                y, state = layer.step(event, state)
                other = layer.cell(event, other)
                torch.testing.assert_close((y, state), (other, other))
            assert layer._paths.step_path is not None


@pytest.mark.parametrize("wrong", [torch.zeros(5, 2), torch.zeros(2, 5, dtype=torch.bool), [[True]]])
def test_wrong_resets_are_refused_by_every_call(wrong: object) -> None:
    layer, x = wd.Recurrent(nn.LSTMCell(3, 4)), torch.randn(5, 2, 3)
    for _ in range(3):
        layer(x)
    assert layer._paths.sequence_path is not None
    with pytest.raises(ShapeError, match="resets must be booleans"):
        layer(x, resets=wrong)


def test_calls_with_resets_take_the_fast_path() -> None:
    layer, x, resets = (
        wd.Recurrent(nn.LSTMCell(3, 4)),
        torch.randn(5, 2, 3),
        torch.zeros(5, 2, dtype=torch.bool),
    )
    for _ in range(2):
        layer(x, resets=resets)
    assert layer._paths.sequence_path is not None
    assert layer._paths.sequence_path(x, None, None, resets) is not None


def test_one_tensor_as_both_states_takes_the_fast_path() -> None:
    layer, x, zeros = wd.Recurrent(nn.LSTMCell(3, 4)), torch.randn(2, 3), torch.zeros(2, 4)
    with torch.no_grad():
        layer.step(x, (zeros, zeros))
        path = layer._paths.step_path
        found = layer.step(x, (zeros, zeros))
        torch.testing.assert_close(found, layer.step(x, (zeros, zeros.clone())))
    assert path is not None
    assert layer._paths.step_path is path


class _RandomStart(_LearnedStart):
    """Cell whose initial state is random, and counts how often it is asked for."""

    asked = 0
    scale = 1.0

    def initial_state(self, batch: int) -> Tensor:
        self.asked += 1
        return self.scale * torch.randn(batch, 4)


def test_an_initial_state_of_the_cells_own_is_asked_for_once_in_every_call() -> None:
    cell, x = _RandomStart(), torch.randn(5, 2, 3)
    fast, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    fast(x)
    assert fast.backend == "llvm"
    for number in range(6):
        cell.scale = 1.0 + (number > 3)
        before, results = cell.asked, []
        for layer in (loop, fast):
            torch.manual_seed(number)
            results.append([*layer(x), torch.rand(1)])
        assert cell.asked == before + 2
        torch.testing.assert_close(results[1], results[0])
    assert fast._paths.sequence_path is not None
    assert fast.backend == "llvm"


def test_an_initial_state_of_another_form_is_used_as_the_loop_uses_it() -> None:
    cell, x = _LearnedStart(), torch.randn(5, 2, 3)
    fast, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    for _ in range(3):
        fast(x)
    cell.initial_state = lambda batch: torch.ones(4, batch).t()
    for events in (x, x[:, :1], x[:, 0], x[:2]):
        torch.testing.assert_close(fast(events), loop(events))
    cell.initial_state = lambda batch: torch.ones(batch + 1, 4)
    for layer in (loop, fast):
        with pytest.raises(ShapeError, match="must have 2 rows"):
            layer(x)


class _Masked(nn.Module):
    """Cell with two masks, which begin as one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.unit, self.first = nn.GRUCell(3, 4), torch.full((4,), 0.5)
        self.second = self.first

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.unit(x, h) * self.first + self.second


@pytest.mark.parametrize("replaced", ["first", "second"])
def test_paths_see_that_two_names_of_one_tensor_part_ways(replaced: str) -> None:
    cell, x, h = _Masked(), torch.randn(5, 2, 3), torch.randn(2, 4)
    layer, loop = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    with torch.no_grad():
        for _ in range(3):
            layer(x, h)
            layer.step(x[0], h)
        assert layer._paths.sequence_path is not None
        assert layer._paths.step_path is not None
        setattr(cell, replaced, torch.rand(4))
        torch.testing.assert_close(layer(x, h), loop(x, h))
        torch.testing.assert_close(layer.step(x[0], h), loop.step(x[0], h))
        cell.first = cell.second = torch.rand(4)
        torch.testing.assert_close(layer(x, h), loop(x, h))
        torch.testing.assert_close(layer.step(x[0], h), loop.step(x[0], h))
