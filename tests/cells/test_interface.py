"""What every unit takes, refuses, and survives: shapes, types, devices, copies."""

import copy
import io

import pytest
import torch
from torch import Tensor

import wolfdog as wd
from cases import CELLS, CellCase, random_state, scrambled
from tolerances import SAME_EQUATIONS, assert_agree, assert_same
from wolfdog.errors import InputError, ShapeError

by_case = pytest.mark.parametrize("case", CELLS, ids=str)


def sizes(cell: wd.cells.Cell) -> list[int]:
    """The features of each memory."""
    return [cell.output_size, cell.hidden_size][: len(cell.state_names)]


@by_case
@pytest.mark.parametrize("batch", [None, 0, 1, 3])
def test_shapes(case: CellCase, batch: int | None) -> None:
    cell = case.make(3, 5)
    state = cell(torch.randn(3 if batch is None else (batch, 3)))
    parts = state if isinstance(state, tuple) else (state,)
    assert len(parts) == len(cell.state_names)
    for part, size in zip(parts, sizes(cell), strict=True):
        assert part.shape == ((size,) if batch is None else (batch, size))


@by_case
def test_names_of_the_memories(case: CellCase) -> None:
    cell = case.make(3, 5)
    assert cell.state_names == (("stm", "ltm") if isinstance(cell.initial_state(1), tuple) else ("stm",))


@by_case
def test_initial_state_is_zeros_of_the_parameters_type_or_as_asked(case: CellCase) -> None:
    cell = case.make(3, 5, dtype=torch.float64)
    for batch, dtype, expected in ((2, None, torch.float64), (None, torch.float32, torch.float32)):
        state = cell.initial_state(batch, dtype=dtype)
        for part, size in zip(state if isinstance(state, tuple) else (state,), sizes(cell), strict=True):
            assert_same(part, torch.zeros((size,) if batch is None else (batch, size), dtype=expected))


@by_case
@pytest.mark.parametrize("shape", [(4,), (2, 4), (1, 2, 3), ()])
def test_a_wrong_event_is_one_clear_message(case: CellCase, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"an event must be \[B, 3\].*got \[" + ", ".join(map(str, shape))):
        case.make(3, 5)(torch.zeros(shape))


@by_case
def test_whole_numbers_are_refused(case: CellCase) -> None:
    with pytest.raises(ShapeError, match=r"torch.int64.*event.float\(\)"):
        case.make(3, 5)(torch.zeros(2, 3, dtype=torch.int64))


@by_case
def test_a_wrong_state_is_one_clear_message(case: CellCase) -> None:
    cell, event = case.make(3, 5), torch.zeros(2, 3)
    for shape in ((2, 4), (1, 5), (5,)):
        wrong = torch.zeros(shape)
        state = wrong if len(cell.state_names) == 1 else (torch.zeros(2, cell.output_size), wrong)
        with pytest.raises(ShapeError, match=r"must be \[2, 5\] for an event of \[2, 3\]; got \["):
            cell(event, state)
    other_form = (event, event) if len(cell.state_names) == 1 else torch.zeros(2, 5)
    with pytest.raises(ShapeError, match="the state must be"):
        cell(event, other_form)


@by_case
@pytest.mark.parametrize("size", [0, -1, 2.0, True])
def test_sizes_are_positive_whole_numbers(case: CellCase, size: object) -> None:
    with pytest.raises(InputError, match="input_size"):
        case.make(size, 3)
    with pytest.raises(InputError, match="hidden_size"):
        case.make(3, size)


def test_unknown_options_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="'tanh' or 'relu'; got 'sine'"):
        wd.cells.ElmanCell(3, 4, nonlinearity="sine")
    with pytest.raises(InputError, match="'full' or 'diagonal'; got 'half'"):
        wd.cells.PeepholeLSTMCell(3, 4, peephole="half")


@by_case
def test_copies_and_pickles_compute_the_same(case: CellCase) -> None:
    cell = case.make(3, 5)
    file = io.BytesIO()
    torch.save(cell, file)
    file.seek(0)
    event, state = torch.randn(2, 3), random_state(cell, 2, torch.float32)
    for other in (copy.deepcopy(cell), torch.load(file, weights_only=False)):
        assert_same(other(event, state), cell(event, state))
        assert not {id(p) for p in other.parameters()} & {id(p) for p in cell.parameters()}


@by_case
def test_meta_device(case: CellCase) -> None:
    cell = case.make(3, 5, device="meta")
    assert all(parameter.is_meta for parameter in cell.parameters())
    state = cell(torch.zeros(2, 3, device="meta"))
    assert (state[0] if isinstance(state, tuple) else state).shape == (2, cell.output_size)


@pytest.mark.parametrize(
    "case", [case for case in CELLS if "lstm" in case.name or "peep" in case.name], ids=str
)
def test_autocast_keeps_the_long_term_memory_precise(case: CellCase) -> None:
    cell, event = case.make(3, 5), torch.randn(2, 3)
    state = random_state(cell, 2, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, ltm = cell(event, state)
    assert ltm.dtype is torch.float32
    assert_agree(ltm.bfloat16(), cell(event, state)[1].bfloat16())


@by_case
@pytest.mark.parametrize("dtype", SAME_EQUATIONS)
def test_every_type_computes_what_float64_computes(case: CellCase, dtype: torch.dtype) -> None:
    exact = scrambled(case.make(3, 5, dtype=torch.float64)).to(dtype).to(torch.float64)
    event = torch.randn(2, 3, dtype=torch.float64).to(dtype).to(torch.float64)
    expected = exact(event)
    actual = copy.deepcopy(exact).to(dtype)(event.to(dtype))

    def as_type(state: object) -> object:
        return state.to(dtype) if isinstance(state, Tensor) else tuple(part.to(dtype) for part in state)

    assert_agree(actual, as_type(expected))


@by_case
def test_repr_shows_the_sizes(case: CellCase) -> None:
    assert f"{type(case.make(3, 5)).__name__}(3, 5" in repr(case.make(3, 5)).replace("\n  ", "")
