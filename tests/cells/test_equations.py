"""Every unit, with every option, says what its equations say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wolfdog as wd
from cases import CELLS, CellCase, random_state, scrambled
from cell_equations import EQUATIONS
from tolerances import assert_agree


def expected_step(name: str, cell: torch.nn.Module, event: torch.Tensor, state: object) -> object:
    """The memories after one step, by the NumPy equations, in the form that the cell returns."""
    weights = {key: value.numpy() for key, value in cell.state_dict().items()}
    memories = state if isinstance(state, tuple) else (state,)
    after = EQUATIONS[name](weights, event.numpy(), *(memory.numpy() for memory in memories))
    tensors = tuple(torch.from_numpy(memory) for memory in after)
    return tensors if isinstance(state, tuple) else tensors[0]


def test_every_case_has_its_equations_and_the_other_way_round() -> None:
    assert {case.name for case in CELLS} == set(EQUATIONS)


@pytest.mark.parametrize("case", CELLS, ids=str)
@given(
    sizes=st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 5)),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_one_step_follows_the_equations(
    case: CellCase, sizes: tuple[int, int, int], bias: bool, seed: int
) -> None:
    batch, inputs, hidden = sizes
    torch.manual_seed(seed)
    cell = scrambled(case.make(inputs, hidden, bias=bias, dtype=torch.float64), seed)
    event, state = torch.randn(batch, inputs, dtype=torch.float64), random_state(cell, batch)
    assert_agree(cell(event, state), expected_step(case.name, cell, event, state))


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_an_event_without_a_batch_is_a_batch_of_one(case: CellCase) -> None:
    cell = scrambled(case.make(3, 4, dtype=torch.float64))
    event, state = torch.randn(3, dtype=torch.float64), random_state(cell, None)
    of_one = tuple(part[None] for part in state) if isinstance(state, tuple) else state[None]
    batched = cell(event[None], of_one)
    squeezed = tuple(part[0] for part in batched) if isinstance(batched, tuple) else batched[0]
    assert_agree(cell(event, state), squeezed)


@pytest.mark.parametrize("case", CELLS, ids=str)
@pytest.mark.parametrize("batch", [None, 2])
def test_a_missing_state_is_zeros(case: CellCase, batch: int | None) -> None:
    cell = scrambled(case.make(3, 4, dtype=torch.float64))
    event = torch.randn(3 if batch is None else (batch, 3), dtype=torch.float64)
    assert_agree(cell(event), cell(event, cell.initial_state(batch)))


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_the_comparison_sees_a_change_in_any_parameter(case: CellCase) -> None:
    # Catches a reference that ignores a parameter, and a comparison that passes everything.
    cell = scrambled(case.make(3, 4, dtype=torch.float64))
    event, state = torch.randn(2, 3, dtype=torch.float64), random_state(cell, 2)
    if case.name == "elman_relu":
        with torch.no_grad():
            cell.bias_ih += 5  # so that no unit is silent
    for parameter in cell.parameters():
        truth = expected_step(case.name, cell, event, state)
        with torch.no_grad():
            parameter += 1e-6 * torch.randn_like(parameter)  # a norm does not see what all have in common
        with pytest.raises(AssertionError):
            assert_agree(cell(event, state), truth)
        assert_agree(cell(event, state), expected_step(case.name, cell, event, state))


def test_four_gate_output_does_not_hold_what_is_learned_now() -> None:
    cell = scrambled(wd.cells.FourGateLSTMCell(3, 4, dtype=torch.float64))
    event, state = torch.randn(2, 3, dtype=torch.float64), random_state(cell, 2)
    before, _ = cell(event, state)
    with torch.no_grad():
        cell.n.weight += 1
    after, _ = cell(event, state)
    assert_agree(after, before)
