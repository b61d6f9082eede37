"""Fast paths of a layer: the calls that repeat, and what ran the last one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..cell.protocol import initial_state
from .cell_cache import Slot
from .compiled import CompiledRunner
from .fast_path import Found, SequencePath, StepPath


class CallPaths:
    """Fast paths that a layer keeps from call to call.

    Each returns None for a call that it was not made for, and where a guard fails.

    Attributes:
        step_path: Path of steps, from the first step that a kernel ran without a gradient.
        sequence_path: Path of sequences, from the second in a row of one form.
        reason: Reason why the eager loop ran the last call; None where kernels did, and "" before the first call.
    """

    __slots__ = ("_last_form", "reason", "sequence_path", "step_path")

    def __init__(self) -> None:
        self.step_path: StepPath | None = None
        self.sequence_path: SequencePath | None = None
        self.reason: str | None = ""
        self._last_form: tuple[torch.Size, bool] | None = None

    def step(self, event: Tensor, state: Any) -> Found | None:
        """Output and state after an event [B, ...], or None."""
        path = self.step_path
        found = None if path is None else path(event, state)
        if found is not None:
            self.reason = None
        return found

    def sequence(
        self, cell: nn.Module, x: Tensor, state: Any, lengths: Any, resets: Any, *, batch_first: bool
    ) -> tuple[Found | None, Any]:
        """Outputs and last state over events, or None; and the state before.

        A cell is asked once for an initial state of its own, which may be random: the caller goes on with it.

        Args:
            cell: The cell.
            x: As of the layer.
            state: As of the layer.
            lengths: As of the layer.
            resets: As of the layer.
            batch_first: As of the layer.
        """
        if self.step_path is not None and lengths is None and resets is None:
            found = self._one_event(x, state, 1 if batch_first else 0)
            if found is not None:
                return found, state
        path = self.sequence_path
        if path is None:
            return None, state
        if batch_first:
            if not isinstance(x, Tensor) or x.dim() < 3:
                return None, state
            x = x.transpose(0, 1)
            resets = resets.transpose(0, 1) if isinstance(resets, Tensor) and resets.dim() == 2 else resets
        if state is None and path.takes_state(x):
            state = initial_state(cell, x.shape[1])
        found = path(x, state, lengths, resets)
        if found is None:
            return None, state
        self.reason = None
        return ((found[0].transpose(0, 1), found[1]) if batch_first else found), state

    def _one_event(self, x: Tensor, state: Any, axis: int) -> Found | None:
        """Result for a sequence of one event by the fast path of a step; None for another."""
        if torch.is_grad_enabled() or type(x) is not Tensor or x.dim() <= axis or x.shape[axis] != 1:
            return None
        found = self.step(x.select(axis, 0), state)
        if found is None:
            return None
        return found[0].unsqueeze(axis).clone(), found[1]  # a copy: the output may be a tensor of the state

    def after_step(
        self, runner: CompiledRunner, event: Tensor, anew: bool, places: Sequence[Slot] | None
    ) -> None:
        """Note what ran a step, and make the path for others like it.

        Args:
            runner: What ran it.
            event: The event, [B, ...].
            anew: Whether no state was given.
            places: Places in which the layer stores its cell and its options; None for a step that no path repeats.
        """
        self.reason = runner.reason
        if places is not None and runner.ready_step is not None:
            self.step_path = runner.step_path(event, anew, places)

    def after_sequence(
        self, runner: CompiledRunner, x: Tensor, anew: bool, places: Sequence[Slot] | None
    ) -> None:
        """Note what ran a sequence, and make the path for others like it where it is the second in a row.

        Args:
            runner: What ran it.
            x: Its events, [T, B, ...].
            anew: Whether no state was given.
            places: As of `after_step`.
        """
        self.reason = runner.reason
        if places is None or runner.reason is not None:
            return
        form = x.shape, anew
        second = form == self._last_form
        if second and runner.ready_step is not None:
            self.step_path = runner.step_path(x[0], anew, places)
        elif second:
            self.sequence_path = runner.sequence_path(x, anew, places)
        self._last_form = None if second else form
