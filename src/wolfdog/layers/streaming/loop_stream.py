"""Streams over PyTorch's operators, for what has no kernel."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..cell.state import State
from .stream import Stream, copied, mixed

Step = Callable[[Tensor, State | None, Tensor | None], tuple[Tensor, State]]
"""Event, state (None for the initial one) and mask [B] of examples that start anew, to output and next state."""


class LoopStream(Stream):
    """Stream that calls a layer's step; its weights are those that the layer has at each call.

    Args:
        step: Step of the layer.
        x: Buffer of events.
        reason: Reason why no kernel runs.
        initial: Initial state; None where the layer determines it.
    """

    def __init__(self, step: Step, x: Tensor, reason: str, initial: State | None = None) -> None:
        self._step, self._reason = step, reason
        self._initial = None if initial is None else copied(initial)
        self._now: State | None = self._initial
        # examples that start from the layer's initial state at the next step
        self._anew: Tensor | None = None
        with torch.no_grad():
            output, _ = step(x, self._initial, None)
        with torch.inference_mode(False):  # steps outside of inference mode write to it
            y = torch.zeros_like(output, memory_format=torch.contiguous_format)
        super().__init__(x, y)

    @property
    def fallback_reason(self) -> str | None:
        """Reason why steps run by PyTorch's operators."""
        return self._reason

    def refresh(self) -> None:
        """Nothing to do: every step reads the weights as they are."""

    def _advance(self) -> None:
        with torch.no_grad():
            output, self._now = self._step(self.x, self._now, self._anew)
            self.y.copy_(output)
        self._anew = None

    def _state(self) -> State | None:
        return None if self._now is None else copied(self._now)

    def _go_on_from(self, state: State) -> None:
        self._now, self._anew = state, None

    def _restart(self, examples: Tensor | None) -> None:
        if examples is None:
            self._now, self._anew = self._initial, None
        elif self._initial is not None and self._now is not None:
            self._now = mixed(examples, self._initial, self._now)
        else:
            self._anew = examples if self._anew is None else self._anew | examples
