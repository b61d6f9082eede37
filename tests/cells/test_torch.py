"""The units that torch.nn has too: same parameters, same numbers, same gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wolfdog as wd
from cases import CELLS, CellCase, random_state, scrambled
from tolerances import assert_agree

SHARED = [case for case in CELLS if case.torch_cell is not None]


@pytest.mark.parametrize("case", SHARED, ids=str)
@given(sizes=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)), bias=st.booleans())
def test_same_numbers_and_gradients(case: CellCase, sizes: tuple[int, int, int], bias: bool) -> None:
    batch, inputs, hidden = sizes
    theirs = scrambled(case.torch_cell(inputs, hidden, bias=bias, dtype=torch.float64))
    ours = case.make(inputs, hidden, bias=bias, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    event, state = torch.randn(batch, inputs, dtype=torch.float64), random_state(ours, batch)
    results = []
    for cell in (ours, theirs):
        x = event.clone().requires_grad_()
        after = cell(x, state)
        total = sum((part**2).sum() for part in after) if isinstance(after, tuple) else (after**2).sum()
        gradients = torch.autograd.grad(total, [x, *cell.parameters()])
        results.append((after, tuple(gradients)))
    assert_agree(results[0], results[1])


@pytest.mark.parametrize("case", SHARED, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_state_dicts_go_both_ways(case: CellCase, bias: bool) -> None:
    ours, theirs = case.make(3, 4, bias=bias), case.torch_cell(3, 4, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]


def test_torch_relu_too() -> None:
    theirs = scrambled(torch.nn.RNNCell(3, 4, nonlinearity="relu", dtype=torch.float64))
    ours = next(case for case in CELLS if case.name == "elman_relu").make(3, 4, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    event, state = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    assert_agree(ours(event, state), theirs(event, state))


def test_a_projected_unit_is_torch_s_layer_with_a_projection() -> None:
    theirs = scrambled(torch.nn.LSTM(3, 5, proj_size=2, dtype=torch.float64))
    ours = wd.cells.ProjectedLSTMCell(3, 5, projection_size=2, dtype=torch.float64)
    ours.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    state = torch.randn(2, 2, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    y, (h, c) = theirs(x, tuple(part[None] for part in state))
    results = []
    for outputs, last in (wd.Recurrent(ours, backend="eager")(x, state), (y, (h[0], c[0]))):
        loss = outputs.square().sum() + sum(part.square().sum() for part in last)
        parameters = ours.parameters() if outputs is not y else theirs.parameters()
        results.append((outputs, last, torch.autograd.grad(loss, list(parameters))))
    assert_agree(results[0], results[1])
