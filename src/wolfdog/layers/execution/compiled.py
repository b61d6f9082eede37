"""Compiled runner: the cell's step, traced and compiled at its first call, instead of the eager loop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from ...compiler.batched import recorded
from ...compiler.fork_safety import compiling
from ..cell.protocol import Returns, initial_state, starts_from_zeros
from ..cell.state import State, rebuilt, tensors, transform
from .cell_cache import Program, Slot, record_of
from .eager import EagerRunner
from .fast_path import SequencePath, StepPath
from .kernel_access import obstacle
from .precision import Precision
from .probing import trial
from .program_choice import Kept, ProgramChoice
from .random_order import other_draws
from .zero_start import NOT_ZEROS, zero_start

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

FEW = 32
"""Examples up to which one thread runs one event faster, without packing, than two threads over packed weights."""


class Ready(NamedTuple):
    """Compiled step, the cell's tensors by name, the number format, and the states at the start and after a reset."""

    program: Program
    named: dict[str, Tensor]
    dtype: torch.dtype
    before: State
    fresh: list[Tensor]

    @property
    def found(self) -> "Compiled":
        """Compiled step."""
        assert not isinstance(self.program.made, str)
        return self.program.made


class CompiledRunner:
    """Runner of a cell by kernels, and by the eager loop where kernels do not apply.

    After a call, `reason` says why the eager loop ran; it is None where kernels did.

    Args:
        cell: The cell.
        returns: As of `Recurrent`.
        kept: Checks of programs that a layer stores between calls.
        precision: As of `Recurrent`.
    """

    def __init__(
        self,
        cell: nn.Module,
        returns: Returns | None,
        kept: Kept | None = None,
        precision: Precision | None = None,
    ) -> None:
        self.eager, self.cell = EagerRunner(cell, returns), cell
        with compiling:
            self.record = record_of(cell)
        self.choice = ProgramChoice(cell, self.record, returns, {} if kept is None else kept, precision)
        self.reason: str | None = None
        self.ready_step: Ready | None = None  # what ran the last step without a gradient
        self.ready_sequence: Ready | None = None  # what ran the last sequence

    @property
    def backend(self) -> str:
        """Backend of the cell: "llvm", or "eager" where it cannot be compiled."""
        return "llvm" if self.fallback_reason() is None else "eager"

    def fallback_reason(self) -> str | None:
        """Reason why the eager loop would run the cell; None where kernels would.

        The cell is compiled for events of its `input_size`, where it has that attribute.
        """
        if self.record.hooked():
            return "the cell has hooks, which run at every step"
        size = getattr(self.cell, "input_size", None)
        if not isinstance(size, int):
            return None
        dtype = next((t.dtype for t in self.record.named().values() if t.is_floating_point()), None)
        try:
            with trial(self.cell, torch.zeros(2, size, dtype=dtype, device="cpu")) as event:
                self.prepare(event)
        except Exception as error:  # as of a cell that takes its first state from its caller
            return (
                f"it has not run yet, and a first step without a state raised {type(error).__name__}: {error}"
            )
        return self.reason

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Output and state after one event, as of `EagerRunner.step`."""
        ready = self.ready(event.unsqueeze(0), state, False)
        if ready is None:
            return self.eager.step(event, state)
        x = event.to(ready.dtype).unsqueeze(0)
        one = self._one_event(ready, x)
        if one is not None:
            return one
        y, after = ready.found.sequence(ready.named, x, list(tensors(ready.before)))
        return y.squeeze(0), rebuilt(ready.before, after)

    def _one_event(self, ready: Ready, x: Tensor) -> tuple[Tensor, State] | None:
        """Output and state after one event [1, B, ...], by the kernel that reads weights where they lie.

        None where autograd records the step, and where it reads what is computed from parameters, which is computed
        anew in each call.
        """
        found, states = ready.found, list(tensors(ready.before))
        single = None if recorded((x, *states, *ready.named.values())) else found.single
        if single is None:
            return None
        named = [ready.named[name] for name in found.names]
        weights = single.weights(named)
        if weights is None:
            return None
        event = single.event(x[0], named).contiguous()
        y, new = single.run(weights, len(event), event, [state.contiguous() for state in states])
        self.ready_step = ready
        return y, rebuilt(ready.before, new)

    def step_path(self, event: Tensor, anew: bool, places: Sequence[Slot]) -> StepPath | None:
        """Fast path for repetitions of the last step.

        Args:
            event: The event.
            anew: Whether no state was given.
            places: Places in which a layer stores what it runs.

        Returns:
            The path; None for a nested state, and where tensors are not contiguous or their changes cannot be detected.
        """
        ready = self.ready_step
        if ready is None or not _flat(ready.before) or ready.program.lifted or event.dtype is not ready.dtype:
            return None
        if not all(t.is_contiguous() for t in (event, *tensors(ready.before))):
            return None
        return StepPath(self.record, ready.program, event, ready.before, self._start(ready, anew), places)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """Outputs and last state over a sequence, as of `EagerRunner.sequence`."""
        ready = self.ready(x, state, resets is not None, [t for t in (lengths, resets) if t is not None])
        if ready is None:
            return self.eager.sequence(x, state, lengths, resets)
        x = x.to(ready.dtype)
        alone = len(x) == 1 and lengths is None and resets is None
        one = self._one_event(ready, x) if alone and _by_one_thread(x.shape[1]) else None
        if one is not None:
            return one[0].unsqueeze(0).clone(), one[
                1
            ]  # a copy: the output of a step may be a tensor of the state
        try:
            y, after = ready.found.sequence(
                ready.named, x, list(tensors(ready.before)), lengths, resets, ready.fresh
            )
        except refusal() as reason:
            self.refuse(x, ready, str(reason))
            return self.eager.sequence(x, state, lengths, resets)
        self.ready_sequence = ready
        return y, rebuilt(ready.before, after)

    def sequence_path(self, x: Tensor, anew: bool, places: Sequence[Slot]) -> SequencePath | None:
        """Fast path for repetitions of the last sequence.

        Args:
            x: Its events.
            anew: Whether no state was given.
            places: Places in which a layer stores what it runs.

        Returns:
            The path; None where its guards would not suffice.
        """
        ready = None if torch.is_autocast_enabled("cpu") else self.ready_sequence
        if ready is None or ready.found.rows or ready.program.lifted:
            return None
        if ready.dtype is not x.dtype or not _flat(ready.before):
            return None
        start = self._start(ready, anew)
        given = ready.before if start is None else start
        return SequencePath(self.record, ready.program, x, given, start, places)

    def _start(self, ready: Ready, anew: bool) -> State | None:
        """Zeros that a fast path starts from where no state is given; None where the cell determines its start."""
        if not (starts_from_zeros(self.cell) or (anew and self.record.zeros)):
            return None
        with torch.inference_mode(False):  # zeros that any later call may use
            return transform(lambda t: torch.zeros_like(t, device="cpu"), ready.before)

    def ready(
        self, x: Tensor, state: State | None, resets: bool, others: Sequence[Tensor] = ()
    ) -> Ready | None:
        """Prepared call for events [T, B, ...] from a state.

        Args:
            x: Events.
            state: State before the sequence, or None.
            resets: Whether there are resets.
            others: Further tensors that the kernel reads.

        Returns:
            The prepared call; None where the eager loop runs these events.
        """
        self.reason = self._unfit(x, state, others)
        if self.reason is not None:
            return None
        event, state = self._precise(x[0], state)
        before = state if state is not None else self.zero(event)
        program = None if before is None else self._compiled(event, before)
        if before is None or program is None or isinstance(program.made, str):
            self.reason = self.reason or NOT_ZEROS
            return None
        if program.made.draws:
            self.reason = other_draws(self.cell, x, before, resets)
            if self.reason is not None:
                return None
        fresh = self.zero(event) if resets else None
        if resets and fresh is None:
            self.reason = NOT_ZEROS
            return None
        named = self.record.arguments(program.lifted, program.made.dtype)
        if any(len(named[name]) != x.shape[1] for name in program.made.rows):
            self.reason = "an attribute has a row for each example, and another number of rows"
            return None
        return Ready(program, named, event.dtype, before, [] if fresh is None else list(tensors(fresh)))

    def refuse(self, x: Tensor, ready: Ready, reason: str) -> None:
        """Use the eager loop from now on for events like x [T, B, ...]."""
        self.choice.refuse(x[0].to(ready.dtype), ready.before, ready.program, reason)
        self.reason = reason

    def prepare(self, event: Tensor) -> "Compiled | None":
        """Compiled step for events of this form [B, ...]; None where the cell runs eagerly."""
        self.reason = self._unfit(event.unsqueeze(0), None)
        before = None if self.reason else self.zero(event)
        program = None if before is None else self._compiled(event, before)
        return None if program is None or isinstance(program.made, str) else program.made

    def _precise(self, x: Tensor, state: State | None) -> tuple[Tensor, State | None]:
        """Event and state in the parameters' format under autocast: kernels do not round to autocast's format."""
        if not torch.is_autocast_enabled("cpu"):
            return x, state
        dtype = next((t.dtype for t in self.record.named().values() if t.is_floating_point()), x.dtype)
        x = x.to(dtype) if x.is_floating_point() else x
        return x, None if state is None else transform(lambda t: t.to(dtype), state)

    def _unfit(self, x: Tensor, state: State | None, others: Sequence[Tensor] = ()) -> str | None:
        """Reason why the eager loop must run this call; None where kernels may."""
        states = () if state is None else tensors(state)
        reason = obstacle((x, *states, *others, *self.record.named().values()))
        if reason is not None:
            return reason
        if x.shape[0] == 0 or x.shape[1] == 0:
            return "there are no events"
        return "the cell has hooks, which run at every step" if self.record.hooked() else None

    def _compiled(self, event: Tensor, state: State) -> Program:
        program = self.choice.program(event, state)
        if isinstance(program.made, str):
            self.reason = program.made
        return program

    def zero(self, event: Tensor) -> State | None:
        """Initial state of the cell; None where only `cell(x)` determines it, and it is not zero."""
        state = initial_state(self.cell, len(event))
        if state is not None:
            return state
        found = zero_start(self.record, self.eager, event)
        if isinstance(found, str):
            self.reason = found
            return None
        return found


def _by_one_thread(batch: int) -> bool:
    """Whether one thread that reads weights in place is faster than all that read packed copies."""
    return batch <= FEW or torch.get_num_threads() == 1


def _flat(state: State) -> bool:
    """Whether a state is a tensor, or a tuple of tensors."""
    return isinstance(state, Tensor) or (
        type(state) is tuple and not any(isinstance(part, tuple) for part in state)
    )


def refusal() -> Any:
    """Exception class of a step that cannot be compiled."""
    from ...compiler.errors import Refusal

    return Refusal
