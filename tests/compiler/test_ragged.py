"""Sequences of different lengths: their order, what lies past their ends, and products over what runs."""

import pytest
import torch
from torch import nn

import wolfdog as wd
from compiled_layers import close, eager_of
from wolfdog.compiler.ragged import SortedLengths, padding_mask
from wolfdog.compiler.runtime.weight_gradients import matrix_gradient


@pytest.mark.parametrize("heads", [False, True])
def test_a_product_over_what_runs_is_the_one_over_everything(heads: bool) -> None:
    lengths = torch.tensor([5, 3, 3, 1])
    alive = ~padding_mask(5, lengths)[:, :, None, None]
    operand = torch.randn(5, 4, 2, 3, dtype=torch.float64)
    gradient = torch.randn(5, 4, 2, 6, dtype=torch.float64) * alive
    rows = SortedLengths.of(lengths).valid_rows(5)
    assert len(rows[0]) == 12
    close(matrix_gradient(operand, gradient, rows, heads), matrix_gradient(operand, gradient, None, heads))


LENGTHS = {
    "in order": [5, 3, 1],
    "in any order": [1, 5, 3],
    "many": [1, 5, 3] * 16,
    "many, nearly full": [5] * 47 + [4],
}


@pytest.mark.parametrize("name", LENGTHS)
def test_what_lies_past_an_end_may_be_no_number(name: str) -> None:
    lengths = LENGTHS[name]
    layer = wd.Recurrent(nn.GRUCell(2, 3, dtype=torch.float64))
    x = torch.randn(5, len(lengths), 2, dtype=torch.float64)
    ended = padding_mask(5, torch.tensor(lengths))[..., None]
    spoilt = x.masked_fill(ended, torch.nan)
    with torch.no_grad():
        expected = eager_of(layer)(x, lengths=lengths)
        found = layer(spoilt, lengths=lengths)
    for actual, should in zip(found, expected, strict=True):
        close(actual, should)
    gradients = []
    for run, events in ((layer, spoilt), (eager_of(layer), x)):
        leaf = events.clone().requires_grad_()
        wanted = [leaf, *layer.parameters()]
        once = torch.autograd.grad(run(leaf, lengths=lengths)[0].sum(), wanted, create_graph=True)
        twice = torch.autograd.grad(sum(g.square().sum() for g in once), wanted)
        alone = torch.autograd.grad(run(leaf, lengths=lengths)[0].sum(), wanted)
        gradients.append([*alone, *once, *twice])
    for actual, should in zip(*gradients, strict=True):
        close(actual, should)


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_outputs_may_be_written_into_before_the_backward_pass(batch: int) -> None:
    torch.manual_seed(0)
    lengths = torch.randint(0, 6, (batch,))
    layer = wd.Recurrent(wd.cells.LSTMCell(2, 200))  # large enough for memory that is used again
    x = torch.randn(6, batch, 2)
    found = []
    for run in (layer, eager_of(layer)):
        y, (h, c) = run(x, lengths=lengths)
        loss = y.mul_(2).square().sum() + h.add_(1).square().sum() + c.neg_().sum()
        found.append(torch.autograd.grad(loss, list(layer.parameters())))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)
