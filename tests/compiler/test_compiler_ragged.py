"""Sequences of different lengths: their order, what lies past their ends, and products over what runs."""

import pytest
import torch
from compiled_layers import close, eager_of
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.compiler.ragged import Arranged, matrix_gradient, past_the_end, running


def test_arranged_is_index_select_with_zeros_twice_differentiable() -> None:
    order = torch.tensor([2, 0, 1])
    back = torch.argsort(order)
    ended = past_the_end(4, torch.tensor([4, 3, 1]))

    def arranged(x: Tensor) -> Tensor:
        return Arranged.apply(x, order, back, ended)

    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    expected = x.index_select(1, order).masked_fill(ended.unsqueeze(-1), 0)
    torch.testing.assert_close(arranged(x), expected, rtol=0, atol=0)
    assert torch.autograd.gradcheck(arranged, (x,))
    assert torch.autograd.gradgradcheck(arranged, (x,))


@pytest.mark.parametrize("heads", [False, True])
def test_a_product_over_what_runs_is_the_one_over_everything(heads: bool) -> None:
    lengths = torch.tensor([5, 3, 3, 1])
    alive = ~past_the_end(5, lengths)[:, :, None, None]
    operand = torch.randn(5, 4, 2, 3, dtype=torch.float64)
    gradient = torch.randn(5, 4, 2, 6, dtype=torch.float64) * alive
    rows = running(5, lengths)
    assert rows is not None
    assert len(rows) == 12
    close(matrix_gradient(operand, gradient, rows, heads), matrix_gradient(operand, gradient, None, heads))


@pytest.mark.parametrize("lengths", [[5, 3, 1], [1, 5, 3]])
def test_what_lies_past_an_end_may_be_no_number(lengths: list[int]) -> None:
    layer = wd.Recurrent(nn.GRUCell(2, 3, dtype=torch.float64))
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    spoilt = x.masked_fill(past_the_end(5, torch.tensor(lengths))[..., None], torch.nan)
    with torch.no_grad():
        expected = eager_of(layer)(x, lengths=lengths)
        found = layer(spoilt, lengths=lengths)
    for actual, should in zip(found, expected, strict=True):
        close(actual, should)
    layer(spoilt, lengths=lengths)[0].sum().backward()
    found = [p.grad.clone() for p in layer.parameters()]
    layer.zero_grad()
    eager_of(layer)(x, lengths=lengths)[0].sum().backward()
    for actual, parameter in zip(found, layer.parameters(), strict=True):
        close(actual, parameter.grad)
