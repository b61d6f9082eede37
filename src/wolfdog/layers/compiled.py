"""The compiled runner: a cell's step, traced and compiled at its first call, in the place of the eager loop."""

import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .eager import EagerRunner
from .form import Returns, initial_state
from .state import State, structure, tensors, transform

if TYPE_CHECKING:
    from ..compiler.driver import Compiled

Slot = tuple[dict[str, Any], str]

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

_lock = threading.RLock()
_cells: "WeakKeyDictionary[nn.Module, _CellRecord]" = WeakKeyDictionary()
_warned: set[str] = set()


class _CellRecord:
    """What is known of one cell: where its tensors are, and what was compiled for which inputs."""

    def __init__(self, cell: nn.Module) -> None:
        self.slots: dict[str, Slot] = {}
        for prefix, module in cell.named_modules():
            for held in (module._parameters, module._buffers, module.__dict__):
                for key, tensor in held.items():
                    if isinstance(tensor, Tensor):
                        self.slots.setdefault(f"{prefix}.{key}" if prefix else key, (held, key))
        self.modules = [module.__dict__ for module in cell.modules()]
        self._parts = [(held, *_parts_of(held)) for held in self.modules]
        self.hooks = [held[name] for held in self.modules for name in HOOKS]
        self.compiled: dict[Any, Compiled | str] = {}
        self.zeros: dict[Any, State | str] = {}
        self.again: _Again | None = None
        self._settings: dict[tuple[Any, ...], int] = {}
        self._seen: list[tuple[dict[str, Any], int, tuple[str, ...], tuple[Any, ...]]] = []
        self._number = -1

    def setting(self) -> int:
        """A number for all that the cell's attributes say but tensors: another setting is another step."""
        for held, size, keys, values in self._seen:
            if len(held) != size or tuple(map(held.get, keys)) != values:
                break
        else:
            if self._seen:
                return self._number
        plain = (int, float, bool, str, tuple)
        seen = []
        for held in self.modules:
            keys = tuple(key for key, value in held.items() if isinstance(value, plain))
            seen.append((held, len(held), keys, tuple(map(held.get, keys))))
        whole = tuple((keys, values) for _, _, keys, values in seen)
        self._number = self._settings.setdefault(whole, len(self._settings))
        self._seen = seen
        return self._number

    def current(self) -> bool:
        """Whether the cell still has the modules, and the names of parameters and buffers, that it had."""
        return all(_parts_of(held) == (modules, counts) for held, modules, counts in self._parts)

    def hooked(self) -> bool:
        """Whether hooks are to run at every step."""
        return any(self.hooks)

    def named(self) -> dict[str, Tensor]:
        """The cell's tensors, as they are now."""
        return {name: held[key] for name, (held, key) in self.slots.items() if held.get(key) is not None}


def _parts_of(held: dict[str, Any]) -> tuple[tuple[nn.Module, ...], tuple[int, int]]:
    """A module's own modules, and how many parameters and buffers it has."""
    return tuple(held["_modules"].values()), (len(held["_parameters"]), len(held["_buffers"]))


class _Again:
    """The step that was run last, to be run again with what looks the same: checks cost more than small kernels."""

    def __init__(
        self, record: _CellRecord, returns: Returns | None, found: "Compiled", event: Tensor, state: State
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
        if not same or self.record.setting() != self.setting or self.record.hooked() or _transformed():
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


class CompiledRunner:
    """Runs a cell by kernels, and by the eager loop what kernels cannot run; `why_not` says why not."""

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        self.eager, self.returns = EagerRunner(cell, returns), returns
        with _lock:
            record = _cells.get(cell)
            if record is None or not record.current():
                record = _cells[cell] = _CellRecord(cell)
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
            self.prepare(torch.zeros(2, size, dtype=dtype))
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
        y, after = found.single([named[name] for name in found.names], event, states)
        if type(before) in (Tensor, tuple) and not any(isinstance(part, tuple) for part in before):
            self.record.again = _Again(self.record, self.returns, found, event, before)
        return y, rebuilt(before, after)

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """As EagerRunner's."""
        if self._unfit(x) or x.shape[0] == 0 or x.shape[1] == 0:
            return self.eager.sequence(x, state, lengths, resets)
        x, state = self._precise(x, state)
        before = state if state is not None else self.zero(x[0])
        found = None if before is None else self._compiled(x[0], before)
        fresh = None if before is None or resets is None else self.zero(x[0])
        if found is None or before is None or (resets is not None and fresh is None):
            return self.eager.sequence(x, state, lengths, resets)
        anew = [] if fresh is None else list(tensors(fresh))
        try:
            y, after = found.sequence(self.record.named(), x, list(tensors(before)), lengths, resets, anew)
        except _refusal() as refusal:
            self._refuse(self._key(x[0], before), str(refusal))
            return self.eager.sequence(x, state, lengths, resets)
        return y, rebuilt(before, after)

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
        return x.device.type != "cpu" or not x.is_floating_point() or _transformed() or self.record.hooked()

    def _key(self, event: Tensor, state: State) -> Any:
        forms = tuple((tuple(t.shape[1:]), t.dtype) for t in tensors(state))
        return event.shape[1:], event.dtype, structure(state), forms, self.record.setting(), self.returns

    def _compiled(self, event: Tensor, state: State) -> "Compiled | None":
        key = self._key(event, state)
        found = self.record.compiled.get(key)
        if found is None:
            with _lock:
                found = self.record.compiled.get(key)
                if found is None:
                    found = self._compile(event, state, key)
        return None if isinstance(found, str) else found

    def _compile(self, event: Tensor, state: State, key: Any) -> "Compiled | str":
        from ..compiler.driver import Compiled, Refusal  # llvmlite loads slowly

        def step(x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
            output, after = self.eager.step(x, rebuilt(state, states))
            return output, list(tensors(after))

        try:
            made = Compiled(step, self.record.named(), event.detach(), [t.detach() for t in tensors(state)])
        except Refusal as refusal:
            return self._refuse(key, str(refusal))
        except Exception as error:
            # The cell's own complaint, where it has one, says more than one about a trace.
            with torch.no_grad():
                self.eager.step(event, state)
            return self._refuse(key, f"tracing it raised {type(error).__name__}: {error}")
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
        with torch.no_grad():
            output, after = self.eager.step(example, None)
            if not all(t.dim() > 0 and len(t) == 3 for t in tensors(after)):
                return "its state has no batch"
            zeros = transform(torch.zeros_like, after)
            output_again, after_again = self.eager.step(example, zeros)
        pairs = zip((output, *tensors(after)), (output_again, *tensors(after_again)), strict=True)
        return zeros if all(torch.equal(a, b) for a, b in pairs) else "its own first state is not zeros"


def rebuilt(like: State, parts: Any) -> State:
    """A state of the same form from its tensors."""
    left: Iterator[Tensor] = iter(parts)
    return transform(lambda _: next(left), like)


def _transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is at work."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
    )


def _refusal() -> Any:
    from ..compiler.errors import Refusal

    return Refusal
