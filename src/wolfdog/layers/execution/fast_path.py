"""Fast path for repeated calls: one compiled check of all guards, followed by the kernel."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..cell.arguments import checked_lengths
from ..cell.state import State, tensors
from .cell_cache import CellRecord, Program, Slot
from .dependencies import watched
from .guards import Check, compiled_check
from .kernel_access import plain

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

Found = tuple[Tensor, State]


class _CellPath:
    """Common part of the fast paths of steps and sequences: program, form of the state, and check."""

    def __init__(
        self,
        record: CellRecord,
        program: Program,
        event: Tensor,
        state: State,
        places: Sequence[Slot],
        fixed: bool = False,
        frozen: bool = False,
    ) -> None:
        assert not isinstance(program.made, str)
        self._compiled: Compiled = program.made
        states, slots = tuple(tensors(state)), record.slots
        self._alone, self._count = isinstance(state, Tensor), len(states)
        self._names: Sequence[str] = self._compiled.names
        depends = watched(
            [event, *states], [slots[name] for name in self._names], program.reads, record.modules
        )
        tied = {name for names in program.ties for name in names}
        depends.add(*places, *(slots[name] for name in self._names if name in tied))  # these very tensors
        depends.fixed, depends.frozen, depends.makes = fixed, frozen, program.made.makes_tensors
        self._read = depends.read
        self._check: Check = compiled_check(depends)


class StepPath(_CellPath):
    """Step without gradient, as a function of an event and a state of the same form as those that it was made for.

    Args:
        record: Cache entry of the cell.
        program: Compiled program for them.
        event: An event of the form that is given.
        state: A state of the form that is given.
        start: Initial state, used where none is given; None where the cell determines it at each call.
        places: Places in which a layer stores what it runs.
    """

    def __init__(
        self,
        record: CellRecord,
        program: Program,
        event: Tensor,
        state: State,
        start: State | None,
        places: Sequence[Slot],
    ) -> None:
        assert not isinstance(program.made, str)
        single = program.made.single
        assert single is not None  # it ran the step that this path repeats
        super().__init__(record, program, event, state, places, fixed=not single.packs, frozen=single.packs)
        self._batch, self._start = len(event), start
        self._weights = single.weights(self._read)
        self._run: Callable[..., Any] = single.run
        self._event = None if event.is_floating_point() else single.event

    def __call__(self, event: Tensor, state: Any) -> Found | None:
        """Output and next state; None where a guard fails."""
        if state is None:
            state = self._start
        states = (state,) if self._alone else state
        if torch.is_grad_enabled() or type(states) is not tuple or len(states) != self._count:
            return None
        read = self._check(event, states)
        if read is None:
            return None
        if self._event is not None:
            event = self._event(event, read)
        y, after = self._run(self._weights, self._batch, event, states)
        return y, after[0] if self._alone else after


class SequencePath(_CellPath):
    """Sequences, as a function of events and a state of the same form as those that it was made for.

    Args:
        record: Cache entry of the cell.
        program: Compiled program for them.
        x: Events [T, B, ...].
        state: A state of the form that is given.
        start: Initial state, used where none is given and after resets; None where the cell determines it at each call.
        places: Places in which a layer stores what it runs.
    """

    def __init__(
        self,
        record: CellRecord,
        program: Program,
        x: Tensor,
        state: State,
        start: State | None,
        places: Sequence[Slot],
    ) -> None:
        super().__init__(record, program, x, state, places)
        self._start, self._axes = start, x.dim()
        self._fresh = () if start is None else tuple(tensors(start))
        self._run = self._compiled.sequence

    def takes_state(self, x: Any) -> bool:
        """Whether a call over events, each with as many axes as before, needs a state from its caller."""
        return self._start is None and isinstance(x, Tensor) and x.dim() == self._axes

    def __call__(
        self, x: Tensor, state: Any, lengths: Tensor | Sequence[int] | None, resets: Any
    ) -> Found | None:
        """Outputs [T, B, ...] and last state; None where a guard fails.

        Args:
            x: Events.
            state: State before the sequence, or None.
            lengths: As of the layer, or None.
            resets: Booleans [T, B], or None.

        Returns:
            The outputs and the state, or None.

        Raises:
            ShapeError: As of the layer, for invalid lengths.
            InputError: As of the layer, for lengths out of range.
        """
        if state is None:
            state = self._start
        states = (state,) if self._alone else state
        if type(states) is not tuple or len(states) != self._count:
            return None
        read = self._check(x, states)
        if read is None:
            return None
        if resets is not None:
            if not self._fresh or self._compiled.draws or not plain(resets):
                return None  # random numbers may be drawn in another order then
            if resets.dtype is not torch.bool or resets.shape != x.shape[:2]:
                return None
        ends = None if lengths is None else checked_lengths(lengths, x.shape[0], x.shape[1])
        named = dict(zip(self._names, read, strict=True))
        y, after = self._run(named, x, states, ends, resets, self._fresh)
        return y, after[0] if self._alone else tuple(after)
