"""Choice of the program that runs a call: a kept one whose conditions hold, or one that is compiled now."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ...compiler.fork_safety import compiling
from ..cell.protocol import Returns
from ..cell.state import State
from .cell_cache import SETTINGS, CellRecord, Program
from .compile_step import compile_step
from .dependencies import watched
from .eager import EagerRunner
from .guards import Check, compiled_check
from .kernel_access import default_device
from .precision import Precision, reduces

Kept = dict[Any, tuple[Program, Check]]
"""Programs by the form of their inputs, each with a check of all that its step read."""

_warned: set[str] = set()
_NAMED = 256
"""Warnings that are remembered, so that none comes twice."""


class ProgramChoice:
    """Programs of one cell, for every form of its inputs.

    Args:
        cell: The cell.
        record: Cache entry of the cell.
        returns: As of `Recurrent`.
        kept: Checks of programs that a layer stores between calls.
        precision: As of `Recurrent`.
    """

    def __init__(
        self,
        cell: nn.Module,
        record: CellRecord,
        returns: Returns | None,
        kept: Kept,
        precision: Precision | None = None,
    ) -> None:
        self._kept, self._precision = kept, precision
        self._cell, self._record, self._returns = cell, record, returns
        self._eager = EagerRunner(cell, returns)

    def program(self, event: Tensor, state: State) -> Program:
        """Program for events [B, ...] and states of this form; its `made` is the reason where the step is refused.

        Raises:
            Exception: The cell itself raises it for such an event and state.
        """
        form = self._form(event, state)
        known = self._kept.get(form)
        if known is not None and known[1]() is not None:
            return known[0]
        program = self._record.find(form)
        if program is None:
            with compiling:
                program = self._record.find(form)
                if program is None:
                    program = self._compile(event, state, form)
        if not isinstance(program.made, str) and not program.lifted and not program.ties:
            slots = self._record.slots
            depends = watched(
                [], [slots[name] for name in program.made.names], program.reads, self._record.modules
            )
            depends.makes = program.made.makes_tensors
            self._kept[form] = program, compiled_check(depends)
            while len(self._kept) > SETTINGS:
                del self._kept[next(iter(self._kept))]
        return program

    def refuse(self, event: Tensor, state: State, program: Program, reason: str) -> None:
        """Replace a program by the reason why the eager loop runs in its place from now on."""
        refused = Program(reason, program.reads, program.ties, program.lifted)
        self._record.keep(self._form(event, state), refused)
        self._warn(reason)

    def _form(self, event: Tensor, state: State) -> Any:
        place = torch.get_default_dtype(), default_device()
        return event.shape[1:], event.dtype, _form(state), self._returns, place, reduces(self._precision)

    def _compile(self, event: Tensor, state: State, form: Any) -> Program:
        record, others = self._record, self._record.programs.get(form, [])
        if len(others) >= SETTINGS:
            names = sorted({read.name for program in others for read in program.changed(record)})
            reason = (
                f"{', '.join(names) or 'its attributes'} had more than {SETTINGS} values: a program is kept for "
                f"each of {SETTINGS}, and other values are run by the loop"
            )
            self._warn(reason)
            return Program(reason, [])
        for program in others:
            numbers = [record.dotted(read) for read in program.changed(record)]
            if program.ties == record.ties() and None not in numbers:
                record.lifted |= {name for name in numbers if name is not None} - record.fixed
                break
        lifted = frozenset(name for name in record.lifted if record.is_number(name))
        program = compile_step(record, self._eager, event, state, lifted, reduced=reduces(self._precision))
        if isinstance(program.made, str) and lifted:
            record.fixed |= lifted
            record.lifted = frozenset()
            program = compile_step(
                record, self._eager, event, state, frozenset(), reduced=reduces(self._precision)
            )
        record.keep(form, program)
        if isinstance(program.made, str):
            self._warn(program.made)
        return program

    def _warn(self, reason: str) -> None:
        text = f"{type(self._cell).__name__} runs as an eager loop, not as a kernel: {reason}"
        if text not in _warned:
            if len(_warned) >= _NAMED:
                _warned.clear()
            _warned.add(text)
            warnings.warn(text, RuntimeWarning, stacklevel=2)


def clear() -> None:
    """Reset the record of warnings given."""
    _warned.clear()


def _form(state: State) -> Any:
    """Form of a state that a step is compiled for: its structure, and the features and formats of its tensors."""
    if isinstance(state, Tensor):
        return state.shape[1:], state.dtype
    return tuple(map(_form, state))
