"""A step to be tried, as to find out what it is compiled to: with what a call would draw for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from ..cell.recurrent_dropout import fresh_dropout_masks
from ..cell.rng import generators, replayed
from ..cell.zoneout import with_step_masks


@contextmanager
def trial(cell: nn.Module, event: Tensor) -> Iterator[Tensor]:
    """The event [B, ...] as a step of the cell takes it, with masks; random numbers go on as if none was drawn."""
    with replayed(generators(event.device), event.device), fresh_dropout_masks(cell, len(event)):
        yield with_step_masks(cell, event.unsqueeze(0)).squeeze(0)
