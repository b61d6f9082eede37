"""The compiled runner: a cell's step, traced and compiled at its first call, in the place of the eager loop."""

import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .cell_record import CellRecord
from .compile_step import compile_step
from .eager import EagerRunner
from .form import Returns, initial_state
from .settings import Untouched
from .state import State, rebuilt, structure, tensors, transform

if TYPE_CHECKING:
    from ..compiler.driver import Compiled

_lock = threading.RLock()
_cells: "WeakKeyDictionary[nn.Module, CellRecord]" = WeakKeyDictionary()
_warned: set[str] = set()


class StepAgain:
    """The step that was run last, to be run again with what looks the same: checks cost more than small kernels."""

    def __init__(
        self, record: CellRecord, returns: Returns | None, found: "Compiled", event: Tensor, state: State
    ) -> None:
        self.record, self.returns, self.single = record, returns, found.single
        self.slots = [record.slots[name] for name in found.names]
        self.dtype, self.shape, self.setting = event.dtype, event.shape, record.setting()
        self.shapes = [t.shape for t in tensors(state)]
        self.alone = isinstance(state, Tensor)

    def run(self, event: Tensor, state: State) -> tuple[Tensor, State] | None:
        """The output and the state after; None where something is not as it was."""
        states: Any = (state,) if isinstance(state, Tensor) else state
        same = (
            event.shape == self.shape
            and self.alone is isinstance(state, Tensor)
            and len(states) == len(self.shapes)
        )
        if not same or self.record.setting() != self.setting or self.record.hooked() or transformed():
            return None
        for tensor, shape in zip(states, self.shapes, strict=True):
            if not isinstance(tensor, Tensor) or tensor.shape != shape or not tensor.is_cpu:
                return None
            if tensor.dtype is not self.dtype:
                return None
        if event.dtype is not self.dtype or not event.is_cpu:
            return None
        y, after = self.single([held[key] for held, key in self.slots], event, states)
        return y, after[0] if self.alone else tuple(after)


def step_again(
    cell: nn.Module, returns: Returns | None, event: Tensor, state: State | None
) -> tuple[Tensor, State] | None:
    """The step of a cell that ran before with such an event and state, without a gradient; None where none did."""
    record = _cells.get(cell)
    again = None if record is None else record.again
    if (
        record is None
        or again is None
        or state is None
        or again.returns != returns
        or torch.is_grad_enabled()
    ):
        return None
    if not record.current():
        return None
    return again.run(event, state)


class Ready(NamedTuple):
    """A compiled step, the number format it computes in, and the states that it starts from, and from after a reset."""

    found: "Compiled"
    dtype: torch.dtype
    before: State
    fresh: list[Tensor]


class CompiledRunner:
    """Runs a cell by kernels, and by the eager loop what kernels cannot run; `why_not` says why not."""

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        self.eager, self.returns = EagerRunner(cell, returns), returns
        with _lock:
            record = _cells.get(cell)
            if record is None or not record.current():
                record = _cells[cell] = CellRecord(cell)
        self.cell, self.record = cell, record

    @property
    def backend(self) -> str:
        """What runs the cell: "numba", or "eager" where it cannot be compiled."""
        return "numba" if self.why_not() is None else "eager"

    def why_not(self) -> str | None:
        """Why the eager loop runs the cell; None where kernels do.

        A cell that has not been called yet is compiled for events of its `input_size`, where it has that attribute.
        """
        if self.record.hooked():
            return "the cell has hooks, which run at every step"
        size = getattr(self.cell, "input_size", None)
        if not self.record.compiled and isinstance(size, int):
            dtype = next((t.dtype for t in self.record.named().values() if t.is_floating_point()), None)
            try:
                self.prepare(torch.zeros(2, size, dtype=dtype))
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
        y, after = found.single([named[name] for name in found.names], event, states)
        if type(before) in (Tensor, tuple) and not any(isinstance(part, tuple) for part in before):
            self.record.again = StepAgain(self.record, self.returns, found, event, before)
        return y, rebuilt(before, after)

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
        forms = tuple((tuple(t.shape[1:]), t.dtype) for t in tensors(state))
        number = self.record.setting()
        return (
            event.shape[1:],
            event.dtype,
            structure(state),
            forms,
            number,
            self.record.shapes(),
            self.returns,
        )

    def _compiled(self, event: Tensor, state: State) -> "Compiled | None":
        if self.record.changes is not None:
            return None
        key = self._key(event, state)
        found = self.record.compiled.get(key)
        if found is None:
            with _lock:
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


def transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is at work."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
    )


def refusal() -> Any:
    from ..compiler.errors import Refusal

    return Refusal
