"""The compiled runner: a cell's step, traced and compiled at its first call, in the place of the eager loop."""

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ...compiler.fork_safety import compiling
from ..cell.protocol import Returns, initial_state, starts_from_zeros
from ..cell.state import State, rebuilt, tensors, transform
from .cell_attributes import Untouched
from .cell_cache import CellRecord
from .compile_step import compile_step
from .dry_run import trial
from .eager import EagerRunner
from .guards import SequenceAgain, StepAgain, transformed

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

_cells: "WeakKeyDictionary[nn.Module, CellRecord]" = WeakKeyDictionary()
_warned: set[str] = set()


class Ready(NamedTuple):
    """A compiled step, the number format it computes in, and the states that it starts from, and from after a reset."""

    found: "Compiled"
    dtype: torch.dtype
    before: State
    fresh: list[Tensor]


class CompiledRunner:
    """Runs a cell by kernels, and by the eager loop what kernels cannot run; `fallback_reason` says why not."""

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        self.eager, self.returns = EagerRunner(cell, returns), returns
        record = _cells.get(cell)
        if record is None or not record.current():
            with compiling:
                record = _cells.get(cell)
                if record is None or not record.current():
                    record = _cells[cell] = CellRecord(cell)
        self.cell, self.record = cell, record
        self.again: StepAgain | None = None  # after a step: how to run such a step again

    @property
    def backend(self) -> str:
        """What runs the cell: "llvm", or "eager" where it cannot be compiled."""
        return "llvm" if self.fallback_reason() is None else "eager"

    def fallback_reason(self) -> str | None:
        """Why the eager loop runs the cell; None where kernels do.

        A cell that has not been called yet is compiled for events of its `input_size`, where it has that attribute.
        """
        if self.record.hooked():
            return "the cell has hooks, which run at every step"
        size = getattr(self.cell, "input_size", None)
        if not self.record.compiled and isinstance(size, int):
            dtype = next((t.dtype for t in self.record.named().values() if t.is_floating_point()), None)
            try:
                with trial(self.cell, torch.zeros(2, size, dtype=dtype)) as event:
                    self.prepare(event)
            except Exception as error:  # as of a cell that takes its first state from its caller
                return f"it has not run yet, and a first step without a state raised {type(error).__name__}: {error}"
        found = list(self.record.compiled.values())
        return found[-1] if found and isinstance(found[-1], str) else None

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As EagerRunner's."""
        if self._unfit(event) or len(event) == 0:
            return self.eager.step(event, state)
        event, state = self._precise(event, state)
        before = state if state is not None else self.zero(event)
        found = None if before is None else self._compiled(event, before)
        if found is None or before is None:
            return self.eager.step(event, state)
        states = list(tensors(before))
        named = self.record.named()
        if torch.is_grad_enabled() and any(t.requires_grad for t in (event, *states, *named.values())):
            y, after = found.sequence(named, event.unsqueeze(0), states)
            return y.squeeze(0), rebuilt(before, after)
        if found.rows:
            if any(len(named[name]) != len(event) for name in found.rows):
                return self.eager.step(event, state)
            y, after = found.sequence(named, event.unsqueeze(0), states)
            return y.squeeze(0), rebuilt(before, after)
        read = [named[name] for name in found.names]
        y, new = found.single(read, event, states)
        self.again = self._again(found, read, event, before)
        return y, rebuilt(before, new)

    def _again(self, found: "Compiled", read: list[Tensor], event: Tensor, before: State) -> StepAgain | None:
        """The step to be run again; None for a state of states, and where tensors lie apart or change unseen."""
        if not _flat(before) or any(t.is_inference() for t in read):
            return None
        if not all(t.is_contiguous() for t in (event, *tensors(before))):
            return None
        return StepAgain(self.cell, self.returns, self.record, found.single, found.names, event, before)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """As EagerRunner's."""
        ready = self.ready(x, state, resets is not None)
        if ready is None:
            return self.eager.sequence(x, state, lengths, resets)
        x = x.to(ready.dtype)
        try:
            y, after = ready.found.sequence(
                self.record.named(), x, list(tensors(ready.before)), lengths, resets, ready.fresh
            )
        except refusal() as reason:
            self.refuse(x, ready, str(reason))
            return self.eager.sequence(x, state, lengths, resets)
        return y, rebuilt(ready.before, after)

    def sequence_again(self, x: Tensor, state: State | None) -> SequenceAgain | None:
        """Sequences like this one, without resets, to be run again; None where more is to be looked at."""
        ready = None if torch.is_autocast_enabled("cpu") else self.ready(x, state, False)
        if ready is None or ready.found.rows or ready.dtype is not x.dtype or not _flat(ready.before):
            return None
        if state is not None:
            return SequenceAgain(self.cell, self.returns, self.record, ready.found, x, state, None)
        if not self.record.zeros and not starts_from_zeros(self.cell):
            return None
        with torch.inference_mode(False):  # zeros that any later call may use
            start = transform(torch.zeros_like, ready.before)
        return SequenceAgain(self.cell, self.returns, self.record, ready.found, x, start, start)

    def ready(self, x: Tensor, state: State | None, resets: bool) -> "Ready | None":
        """What runs events [T, B, ...] from a state, with or without resets; None where the eager loop does."""
        if self._unfit(x) or x.shape[0] == 0 or x.shape[1] == 0:
            return None
        event, state = self._precise(x[0], state)
        before = state if state is not None else self.zero(event)
        found = None if before is None else self._compiled(event, before)
        fresh = None if before is None or not resets else self.zero(event)
        if found is None or before is None or (resets and fresh is None):
            return None
        if found.rows and any(
            len(t) != x.shape[1] for t in map(self.record.named().get, found.rows) if t is not None
        ):
            return None
        return Ready(found, event.dtype, before, [] if fresh is None else list(tensors(fresh)))

    def refuse(self, x: Tensor, ready: "Ready", reason: str) -> None:
        """Leave events like x [T, B, ...] to the eager loop from now on."""
        self._refuse(self._key(x[0].to(ready.dtype), ready.before), reason)

    def prepare(self, event: Tensor) -> "Compiled | None":
        """What is compiled for events like this one [B, ...]; None where the cell runs eagerly."""
        before = self.zero(event)
        return None if before is None else self._compiled(event, before)

    def _precise(self, x: Tensor, state: State | None) -> tuple[Tensor, State | None]:
        """Under autocast, event and state in the parameters' format: kernels are fast enough not to round."""
        if not torch.is_autocast_enabled("cpu"):
            return x, state
        dtype = next((t.dtype for t in self.record.named().values() if t.is_floating_point()), x.dtype)
        return x.to(dtype), None if state is None else transform(lambda t: t.to(dtype), state)

    def _unfit(self, x: Tensor) -> bool:
        """Whether this call is one for the eager loop: not on the CPU, with hooks to run, or under a transform
        of torch.func."""
        return x.device.type != "cpu" or not x.is_floating_point() or transformed() or self.record.hooked()

    def _key(self, event: Tensor, state: State) -> Any:
        number = self.record.setting()
        return event.shape[1:], event.dtype, _form(state), number, self.record.shapes(), self.returns

    def _compiled(self, event: Tensor, state: State) -> "Compiled | None":
        if self.record.changes is not None:
            return None
        key = self._key(event, state)
        found = self.record.compiled.get(key)
        if found is None:
            with compiling:
                found = self.record.compiled.get(key)
                if found is None:
                    found = self._compile(event, state, key)
        return None if isinstance(found, str) else found

    def _compile(self, event: Tensor, state: State, key: Any) -> "Compiled | str":
        made = compile_step(self.record, self.eager, event, state)
        if isinstance(made, str):
            return self._refuse(key, made)
        self.record.compiled[key] = made
        return made

    def _refuse(self, key: Any, reason: str) -> str:
        self.record.compiled[key] = reason
        text = f"{type(self.cell).__name__} runs as an eager loop, not as a kernel: {reason}"
        if text not in _warned:
            _warned.add(text)
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return reason

    def zero(self, event: Tensor) -> State | None:
        """The state that the cell starts from; None where only `cell(x)` knows it, and it is not zeros."""
        state = initial_state(self.cell, len(event))
        if state is not None:
            return state
        key = (event.shape[1:], event.dtype, self.record.setting())
        form = self.record.zeros.get(key)
        if form is None:
            form = self.record.zeros[key] = self._own_zero(event)
        if isinstance(form, str):
            return None
        return transform(lambda t: t.new_zeros(len(event), *t.shape[1:]), form)

    def _own_zero(self, event: Tensor) -> State | str:
        """Zeros in the form of the cell's state, where a step from them is the same as a step without a state."""
        example = torch.linspace(-1.0, 1.0, 3 * event[0].numel(), dtype=event.dtype).view(3, *event.shape[1:])
        untouched = Untouched(self.record.modules)
        with torch.no_grad():
            output, after = self.eager.step(example, None)
            if not all(t.dim() > 0 and len(t) == 3 for t in tensors(after)):
                return "its state has no batch"
            zeros = transform(torch.zeros_like, after)
            output_again, after_again = self.eager.step(example, zeros)
        untouched.put_back()
        pairs = zip((output, *tensors(after)), (output_again, *tensors(after_again)), strict=True)
        return zeros if all(torch.equal(a, b) for a, b in pairs) else "its own first state is not zeros"


def _flat(state: State) -> bool:
    """Whether a state is a tensor, or a tuple of tensors."""
    return isinstance(state, Tensor) or (
        type(state) is tuple and not any(isinstance(part, tuple) for part in state)
    )


def _form(state: State) -> Any:
    """What of a state a step is made for: how it is made of tensors, and their features and formats."""
    if isinstance(state, Tensor):
        return state.shape[1:], state.dtype
    return tuple(map(_form, state))


def refusal() -> Any:
    from ...compiler.errors import Refusal

    return Refusal
