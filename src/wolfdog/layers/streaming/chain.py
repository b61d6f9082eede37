"""Streams of stacked layers: the outputs of each are the events of the next."""

from collections.abc import Sequence

from torch import Tensor

from ...errors import ShapeError
from ..cell.state import State
from .stream import Stream


class ChainStream(Stream):
    """Stream of streams, each of which reads the buffer that the one before writes.

    Args:
        parts: The streams; the `x` of each is the `y` of the one before.
    """

    def __init__(self, parts: Sequence[Stream]) -> None:
        self._parts = list(parts)
        super().__init__(parts[0].x, parts[-1].y)

    @property
    def fallback_reason(self) -> str | None:
        """First reason of a part."""
        return next((part.fallback_reason for part in self._parts if part.fallback_reason), None)

    def refresh(self) -> None:
        """Take the weights as they are now."""
        for part in self._parts:
            part.refresh()

    def _advance(self) -> None:
        for part in self._parts:
            part._advance()

    def _state(self) -> State | None:
        states = [part.state for part in self._parts]
        known = [state for state in states if state is not None]
        return tuple(known) if len(known) == len(states) else None

    def _go_on_from(self, state: State) -> None:
        if not isinstance(state, tuple) or len(state) != len(self._parts):
            raise ShapeError(f"the state must be a tuple of the states of {len(self._parts)} layers")
        for part, own in zip(self._parts, state, strict=True):
            part.state = own

    def _restart(self, examples: Tensor | None) -> None:
        for part in self._parts:
            part._restart(examples)
