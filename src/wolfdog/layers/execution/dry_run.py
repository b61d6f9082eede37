"""A step to be tried, as to find out what it is compiled to: with what a call would draw for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from ..cell.recurrent_dropout import other_masks
from ..cell.rng import drawing, generators
from ..cell.zoneout import over_events


@contextmanager
def trial(cell: nn.Module, event: Tensor) -> Iterator[Tensor]:
    """The event [B, ...] as a step of the cell takes it, with masks; random numbers go on as if none was drawn."""
    with drawing(generators(event.device), event.device), other_masks(cell, len(event)):
        yield over_events(cell, event.unsqueeze(0)).squeeze(0)
