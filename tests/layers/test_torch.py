"""A layer over torch's cells and over ours against torch.nn.RNN, LSTM and GRU with the same weights."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import wolfdog as wd
from cases import CELLS, CellCase, scrambled
from tolerances import assert_agree

SHARED = [case for case in CELLS if case.torch_cell is not None]
LAYERS = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def pair(case: CellCase, ours: bool) -> tuple[wd.Recurrent, nn.RNNBase]:
    """A layer of ours, over our cell or torch's, and torch's layer, with the same weights."""
    theirs = scrambled(LAYERS[case.name](3, 4, dtype=torch.float64))
    cell = (case.make if ours else case.torch_cell)(3, 4, dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in theirs.state_dict().items()})
    return wd.Recurrent(cell), theirs


def bare(state: object) -> object:
    """A state without torch's dimension of layers."""
    return state[0] if isinstance(state, Tensor) else tuple(part[0] for part in state)


by_layer = pytest.mark.parametrize(
    ("case", "ours"), [(case, ours) for case in SHARED for ours in (True, False)], ids=str
)


@by_layer
def test_sequences_states_and_gradients(case: CellCase, ours: bool) -> None:
    layer, theirs = pair(case, ours)
    x = torch.randn(7, 3, 3, dtype=torch.float64)
    start = torch.randn(2 if case.name == "lstm" else 1, 1, 3, 4, dtype=torch.float64)
    results = []
    for is_theirs in (False, True):
        event, memories = x.clone().requires_grad_(), start.clone().requires_grad_()
        state = tuple(memories) if case.name == "lstm" else memories[0]
        if is_theirs:
            y, last = theirs(event, state)
            last = bare(last)
        else:
            y, last = layer(event, bare(state))
        parts = last if isinstance(last, tuple) else (last,)
        total = (y**3).sum() + sum((part**2).sum() for part in parts)
        parameters = list((theirs if is_theirs else layer).parameters())
        results.append((y, last, torch.autograd.grad(total, [event, memories, *parameters])))
    assert_agree(results[0], results[1])


@by_layer
def test_lengths_are_a_packed_sequence(case: CellCase, ours: bool) -> None:
    layer, theirs = pair(case, ours)
    x, lengths = torch.randn(7, 4, 3, dtype=torch.float64), torch.tensor([3, 7, 1, 5])
    packed, last = theirs(pack_padded_sequence(x, lengths, enforce_sorted=False))
    y, _ = pad_packed_sequence(packed)
    assert_agree(layer(x, lengths=lengths), (y, bare(last)))


@by_layer
def test_without_a_batch(case: CellCase, ours: bool) -> None:
    layer, theirs = pair(case, ours)
    x = torch.randn(7, 3, dtype=torch.float64)
    y, last = theirs(x)
    assert_agree(layer(x), (y, bare(last)))
