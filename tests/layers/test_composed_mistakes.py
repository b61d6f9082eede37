"""What stacks, directions and wrappers of cells refuse, and what they say."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

import wolfdog as wd
from foreign_cells import LearnedStart, OwnZero
from wolfdog.errors import InputError, ShapeError

C = wd.cells
GRU = wd.cells.GRUCell


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wd.Stack(), "Stack needs at least one layer"),
        (lambda: wd.Stack(GRU(3, 4), GRU(3, 4)), "layer 0 has 4 output features, and layer 1 has 3 input"),
        (lambda: wd.Stack(GRU(3, 4), dropout=1.0), "dropout must be a probability"),
        (lambda: wd.Stack(GRU(3, 4), skip="dense"), "skip must be one of 'residual', 'highway'"),
        (lambda: wd.Stack(OwnZero(), skip="residual"), "give its cell attributes input_size"),
        (lambda: wd.Stack(wd.Recurrent(GRU(3, 4), batch_first=True)), "both must be the same"),
        (lambda: wd.Stack(wd.Bidirectional(GRU(3, 4)), checkpoint_every=5), "cannot be run in segments"),
        (lambda: wd.Stack(GRU(3, 4), checkpoint_every=0), "checkpoint_every must be"),
        (lambda: wd.Stack(nn.GRU(3, 4)), "takes one step of a unit"),
        (lambda: wd.Stack(GRU(3, 4))(torch.zeros(2, 1, 3), torch.zeros(1, 4)), "a tuple of the states of 1 layers"),
        (lambda: wd.Bidirectional(GRU(3, 4), merge="max"), "merge must be one of 'concat'"),
        (lambda: wd.Bidirectional(LearnedStart()), "pass the backward direction"),
        (lambda: wd.Bidirectional(GRU(3, 4), GRU(2, 4)), "input_size must be the same"),
        (lambda: wd.Bidirectional(GRU(3, 4), GRU(3, 5), merge="sum"), "output_size must be the same"),
        (lambda: wd.Bidirectional(wd.Bidirectional(GRU(3, 4))), "stack bidirectional layers"),
        (lambda: wd.Bidirectional(GRU(3, 4)).step(torch.zeros(1, 3)), "has no step"),
        (lambda: wd.Stack(wd.Bidirectional(GRU(3, 4))).step(torch.zeros(1, 3)), "has no step"),
        (lambda: wd.Bidirectional(GRU(3, 4))(torch.zeros(2, 1, 3), torch.zeros(1, 4)), "the state must be a pair"),
        (lambda: wd.Bidirectional(GRU(3, 4))(torch.zeros(2, 1, 3), lengths=[3]), "lengths must lie in 0..2"),
    ],
)  # fmt: skip
def test_mistakes_in_stacks_and_directions(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("layer", [wd.Stack(GRU(3, 4), skip="residual"), wd.Bidirectional(GRU(3, 4))])
def test_wrong_shapes(layer: nn.Module) -> None:
    for x, options in (
        (torch.zeros(3), {}),
        (torch.zeros(2, 1, 3), {"lengths": [1, 2]}),
        (torch.zeros(2, 1, 3), {"resets": torch.zeros(1, 2, dtype=torch.bool)}),
        (torch.zeros(2, 1, 4), {}),
    ):
        with pytest.raises(ShapeError):
            layer(x, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wd.RecurrentDropout(C.LSTMCell(3, 4), states=1.0), "states must be a probability"),
        (
            lambda: wd.RecurrentDropout(nn.GRUCell(3, 4), states=0.1),
            "GRUCell must have an attribute state_mask",
        ),
        (
            lambda: wd.RecurrentDropout(nn.LSTMCell(3, 4), candidates=0.1),
            "must have an attribute candidate_mask",
        ),
        (
            lambda: wd.RecurrentDropout(wd.Zoneout(C.GRUCell(3, 4)), states=0.1),
            "must be the innermost wrapper, inside Zoneout",
        ),
        (
            lambda: wd.RecurrentDropout(LearnedStart(), inputs=0.1),
            "needs an attribute input_size of LearnedStart",
        ),
        (
            lambda: wd.RecurrentDropout(C.LSTMCell(3, 4), states=0.1)(torch.zeros(1, 3)),
            "no masks have been drawn",
        ),
        (lambda: wd.Zoneout(C.LSTMCell(3, 4), states=(0.1,)), "one probability, or 2"),
        (lambda: wd.Zoneout(C.LSTMCell(3, 4), states=-0.1), "states must be a probability"),
        (lambda: wd.Zoneout(LearnedStart()), "needs an attribute input_size of LearnedStart"),
        (lambda: wd.Zoneout(wd.Zoneout(C.GRUCell(3, 4))), "already has a Zoneout"),
        (lambda: wd.LearnedState(OwnZero()), "does not define its initial state"),
        (lambda: wd.LearnedState(nn.GRU(3, 4)), "takes a cell, such as wolfdog.cells.LSTMCell"),
    ],
)
def test_mistakes_in_wrappers(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
