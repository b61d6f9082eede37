"""Lengths, resets, given states, chunks and steps: every layer against each sequence run by itself."""

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import naive_loop
import wolfdog as wd
from cases import CELLS
from foreign_cells import (
    LearnedStart,
    MatrixMemory,
    Nested,
    OutputAndPair,
    OutputAndState,
    OwnZero,
    OwnZeroPair,
)
from tolerances import assert_agree, assert_same
from wolfdog.layers.cell.state import tensors

VARIANTS = (
    "clipped_lstm",
    "coupled_lstm",
    "layer_norm_lstm",
    "layer_norm_gru",
)  # of the same form as the others
OURS = {case.name: case.make for case in CELLS if case.name not in VARIANTS}
TORCH = {"torch_rnn": nn.RNNCell, "torch_lstm": nn.LSTMCell, "torch_gru": nn.GRUCell}
FOREIGN = {
    "output_and_state": OutputAndState,
    "output_and_pair": OutputAndPair,
    "learned_start": LearnedStart,
    "own_zero": OwnZero,
    "own_zero_pair": OwnZeroPair,
    "nested": Nested,
}
ALL = [*OURS, *TORCH, *FOREIGN]
MAKES_ITS_OWN_ZERO = ("own_zero", "own_zero_pair")


def make(name: str, **options: object) -> wd.Recurrent:
    torch.manual_seed(1)
    maker = {**OURS, **TORCH}.get(name)
    cell = maker(3, 4) if maker else FOREIGN[name]()
    if name == "own_zero_pair":
        options["returns"] = "state"
    return wd.Recurrent(cell.double(), **options)


shared = functools.cache(make)
"""Layer that all examples of a property are computed by, so that its cell is compiled once."""


def zero_state(name: str, layer: wd.Recurrent, batch: int) -> object:
    """The state before anything was seen; None where only the cell itself knows it."""
    if name in TORCH:
        zeros = torch.zeros(batch, 4, dtype=torch.float64)
        return (zeros, zeros) if name == "torch_lstm" else zeros
    return None if name in MAKES_ITS_OWN_ZERO else layer.cell.initial_state(batch)


def step_of(name: str, layer: wd.Recurrent) -> naive_loop.Step:
    """One step of the bare cell, as (output, state)."""

    def step(x: Tensor, state: object) -> tuple[Tensor, object]:
        if state is None:
            state = zero_state(name, layer, len(x))
        elif name == "nested":
            state = MatrixMemory(*state)  # the naive loop makes plain tuples of its rows
        result = layer.cell(x) if state is None else layer.cell(x, state)
        if name in ("output_and_state", "output_and_pair"):
            return result
        output = result
        while isinstance(output, tuple):
            output = output[0]
        return output, result

    return step


def drawn(steps: int, batch: int, seed: int = 0) -> Tensor:
    return torch.randn(steps, batch, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def some_state(name: str, layer: wd.Recurrent, batch: int) -> object:
    """A state that the layer reaches: it has the right form whatever the cell."""
    return layer(drawn(2, batch, seed=9))[1]


def plain(state: object) -> object:
    """A state with its named tuples as tuples."""
    return tuple(plain(part) for part in state) if isinstance(state, tuple) else state


@st.composite
def ragged(draw: st.DrawFn) -> tuple[int, int, list[int] | None, Tensor | None]:
    steps, batch = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    lengths = draw(
        st.none()
        | st.lists(st.integers(0, steps), min_size=batch, max_size=batch).filter(lambda n: max(n) > 0)
    )
    row = st.lists(st.booleans(), min_size=batch, max_size=batch)
    resets = draw(st.none() | st.lists(row, min_size=steps, max_size=steps).map(torch.tensor))
    return steps, batch, lengths, resets


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=15)
@given(form=ragged(), given_state=st.booleans())
def test_each_sequence_is_run_as_if_alone(
    name: str, form: tuple[int, int, list[int] | None, Tensor | None], given_state: bool
) -> None:
    steps, batch, lengths, resets = form
    layer = shared(name)
    x = drawn(steps, batch)
    start = some_state(name, layer, batch) if given_state else None
    if name in MAKES_ITS_OWN_ZERO and start is None and lengths is not None and 0 in lengths:
        with pytest.raises(wd.errors.InputError, match="no state to return"):
            layer(x, lengths=lengths, resets=resets)
        return
    y, last = layer(x, start, lengths=lengths, resets=resets)
    before = zero_state(name, layer, batch) if start is None else start
    expected = naive_loop.run(step_of(name, layer), x, before, lengths=lengths, resets=resets)
    assert_agree((y, plain(last)), expected)


COMPARE = {
    "eager": assert_same,
    "llvm": assert_agree,
}  # the loop gives the same bits, kernels the same numbers


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", COMPARE)
@settings(max_examples=15)
@given(sizes=st.tuples(st.integers(1, 6), st.integers(1, 4)), given_state=st.booleans())
def test_steps_give_what_the_sequence_gives(
    name: str, backend: str, sizes: tuple[int, int], given_state: bool
) -> None:
    steps, batch = sizes
    layer = shared(name, backend=backend)
    x = drawn(steps, batch)
    start = some_state(name, layer, batch) if given_state else None
    state, outputs = start, []
    for event in x:
        y, state = layer.step(event, state)
        outputs.append(y)
    COMPARE[backend]((torch.stack(outputs), plain(state)), plain(layer(x, start)))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", COMPARE)
@pytest.mark.parametrize("steps", [1, 2, 3])
@torch.no_grad()
def test_what_is_written_into_states_is_not_in_outputs(name: str, backend: str, steps: int) -> None:
    y, state = make(name, backend=backend)(drawn(steps, 2))
    was = y.clone()
    for tensor in tensors(state):
        tensor.fill_(7.0)
    assert_same(y, was)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", COMPARE)
@given(cut=st.integers(1, 5))
def test_chunks_with_the_state_carried_are_the_whole(name: str, backend: str, cut: int) -> None:
    layer = shared(name, backend=backend)
    x, resets = drawn(6, 2), torch.tensor([[False, t in (1, 4)] for t in range(6)])
    whole = layer(x, resets=resets)
    first, state = layer(x[:cut], resets=resets[:cut])
    second, state = layer(x[cut:], state, resets=resets[cut:])
    COMPARE[backend]((torch.cat((first, second)), plain(state)), plain(whole))


@pytest.mark.parametrize("name", ALL)
def test_batch_first_only_changes_the_layout(name: str) -> None:
    x, resets = drawn(5, 2), torch.tensor([[t == 2, t == 3] for t in range(5)])
    y, state = make(name)(x, lengths=[5, 4], resets=resets)
    layer = make(name, batch_first=True)
    flipped, same = layer(x.transpose(0, 1), lengths=[5, 4], resets=resets.transpose(0, 1))
    assert_same((flipped.transpose(0, 1), plain(same)), (y, plain(state)))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("batch_first", [False, True])
def test_without_a_batch_it_is_a_batch_of_one(name: str, batch_first: bool) -> None:
    layer, x = make(name, batch_first=batch_first), drawn(5, 1)
    resets = torch.tensor([False, False, True, False, False])
    y, state = make(name)(x, lengths=[4], resets=resets[:, None])
    alone, own = layer(x[:, 0], lengths=4, resets=resets)
    assert_same((alone[:, None], of_one(own)), (y, plain(state)))
    again, own_again = layer(x[:, 0], own)
    y_again, state_again = make(name)(x, state)
    assert_same((again[:, None], of_one(own_again)), (y_again, plain(state_again)))
    one, own_one = layer.step(x[0, 0], own)
    y_one, state_one = make(name).step(x[0], state)
    assert_same((one[None], of_one(own_one)), (y_one, plain(state_one)))


def of_one(state: object) -> object:
    """A state without a batch, as a batch of one."""
    return state[None] if isinstance(state, Tensor) else tuple(of_one(part) for part in state)


def test_the_naive_loop_sees_a_wrong_length_a_wrong_reset_and_a_wrong_state() -> None:
    layer = make("lstm")
    x, resets = drawn(4, 2), torch.tensor([[False, t == 2] for t in range(4)])
    start = some_state("lstm", layer, 2)
    right = layer(x, start, lengths=[4, 3], resets=resets)
    step = step_of("lstm", layer)
    assert_agree(right, naive_loop.run(step, x, start, lengths=[4, 3], resets=resets))
    wrong = [
        naive_loop.run(step, x, start, lengths=[4, 4], resets=resets),
        naive_loop.run(step, x, start, lengths=[4, 3], resets=resets.flip(1)),
        naive_loop.run(step, x, (start[0], start[1] + 1e-3), lengths=[4, 3], resets=resets),
        naive_loop.run(step, x + 1e-3, start, lengths=[4, 3], resets=resets),
    ]
    for other in wrong:
        with pytest.raises(AssertionError):
            assert_agree(right, other)
