"""One step of a cell, run once on a small batch under a dispatch mode, becomes a program.

What depends on parameters alone is only recorded, operation by operation, to be replayed by PyTorch (`ParameterCode`),
so that autograd differentiates it as ever. What depends on the event or the state becomes values of a program, by the
table in aten.py. The example's numbers are never looked at: a cell that looks (`.item()`, `if x.sum() > 0`) is refused.
In-place operations become new values; tensors that share memory with what was written are known by their strides.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .aten_shapes import IN_PLACE, LOWER, MAKES, Operands
from .errors import Refusal
from .ir.program import Program
from .ir.values import Builder, Type, Value
from .parameters import ParameterCode

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(__file__).parent)

Step = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, Sequence[Tensor]]]


@dataclass(frozen=True)
class Traced:
    """A step as a program over the event "x", the states "s0", "s1", ... and values of the parameters.

    Its outputs are "y" and the next states "s0", "s1", ...
    """

    program: Program
    parameters: ParameterCode


@dataclass
class _Entry:
    """What is known of one tensor: its value and batch axis, or (None) that it depends on parameters alone."""

    tensor: Tensor  # kept alive, so that its id stays its own
    value: Value | None
    axis: int
    stale: bool = False
    source: int = field(default=-1)  # its number in the parameter code


class Tracer(TorchDispatchMode):
    """Records what one call of a cell does."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True would import the whole of torch._dynamo, which takes a second, on first use

    def __init__(self, named: Mapping[str, Tensor], batch: int) -> None:
        super().__init__()
        self.batch = batch
        self.builder = Builder()
        self.code = ParameterCode()
        self._entries: dict[int, _Entry] = {}
        self._storages: dict[int, list[_Entry]] = {}
        self._given: set[int] = set()
        for name, tensor in named.items():
            entry = self._remember(tensor, None, 0)
            entry.source = self.code.given(name)
            self._given.add(tensor.untyped_storage()._cdata)

    def give(self, tensor: Tensor, name: str, role: str) -> None:
        """Make a batched tensor known as an input of the program."""
        self._remember(tensor, self.builder.input(name, role, Type(tuple(tensor.shape[1:]), True)), 0)
        self._given.add(tensor.untyped_storage()._cdata)

    def value_of(self, tensor: Tensor) -> Value:
        """The batch-first value of a tensor that the cell returned."""
        entry = self._entry(tensor)
        if entry.value is None or entry.axis != 0:
            operands = Operands(self.builder, self.batch, [])
            value = self._operand(tensor) if entry.value is None else entry.value
            if entry.value is None and tensor.shape[:1] == (self.batch,):
                raise Refusal(f"an output that does not depend on the event or the state ({where()})")
            return operands.full(value, tuple(tensor.shape[1:]))
        return entry.value

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.builder.where = where()
        name = func.name().removeprefix("aten::")
        overload, base = name, name.split(".")[0]
        inputs = [a for a in _flat((args, kwargs)) if isinstance(a, Tensor)]
        entries = [self._entry(tensor) for tensor in inputs]
        for entry in entries:
            if entry.stale:
                raise Refusal(f"{base} reads a tensor that was written through another view of it, {where()}")
        if base in IN_PLACE:
            return self._in_place(base, args, kwargs, result)
        if any(entry.value is not None for entry in entries) or self._batched_anew(base, inputs, result):
            self._record(base, overload, args, kwargs, result)
        else:
            self._record_parameters(func, args, kwargs, result, entries)
        return result

    def _batched_anew(self, base: str, inputs: list[Tensor], result: Any) -> bool:
        """Whether something without a batch axis gets one here: zeros(B, H), or a bias expanded to [B, H]."""
        if base not in MAKES or not isinstance(result, Tensor):
            return False
        return result.shape[:1] == (self.batch,)

    def _record(self, base: str, overload: str, args: Any, kwargs: Any, result: Any) -> None:
        lower = LOWER.get(base)
        if lower is None:
            raise Refusal(f"the operation {overload} is not one that kernels can be made of, {where()}")
        operands = Operands(self.builder, self.batch, [])
        made = lower(operands, *self._translate(args), **self._translate(kwargs))
        results = result if isinstance(result, tuple | list) else [result]
        for tensor, (value, axis) in zip(results, made if isinstance(made, list) else [made], strict=False):
            expected = tuple(n for i, n in enumerate(tensor.shape) if i != axis)
            if value.shape != expected or (tensor.dim() and tensor.shape[axis] != self.batch):
                raise Refusal(f"{overload} does not treat every example of a batch alike, {where()}")
            self._remember(tensor, value, axis)

    def _record_parameters(
        self, func: Any, args: Any, kwargs: Any, result: Any, entries: list[_Entry]
    ) -> None:
        if "_local_scalar_dense" in func.name():
            raise Refusal(f"a number is read out of a tensor, {where()}")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise Refusal(f"{func.name()} draws random numbers, {where()}")
        for entry in entries:
            if entry.source < 0:
                entry.source = self._captured(entry.tensor)
        first = self.code.record(func, args, kwargs, lambda t: self._entry(t).source, where())
        for offset, tensor in enumerate(result if isinstance(result, tuple | list) else [result]):
            if isinstance(tensor, Tensor):
                self._remember(tensor, None, 0).source = first + offset

    def _captured(self, tensor: Tensor) -> int:
        if tensor.numel() > 1:
            raise Refusal(
                f"a tensor that is no parameter, buffer or attribute of the cell is used, {where()}"
            )
        return self.code.constant(tensor)

    def _in_place(self, base: str, args: Any, kwargs: Any, result: Tensor) -> Tensor:
        target: Tensor = args[0]
        entry = self._entry(target)
        storage = target.untyped_storage()._cdata
        if storage in self._given:
            raise Refusal(f"{base} writes into an event, a state or a parameter, {where()}")
        entries = [self._entry(a) for a in _flat((args, kwargs)) if isinstance(a, Tensor)]
        if all(e.value is None for e in entries):
            raise Refusal(f"{base} writes into a tensor made from parameters alone, {where()}")
        lower = LOWER[IN_PLACE[base]]
        operands = Operands(self.builder, self.batch, [])
        made = lower(operands, *self._translate(args), **self._translate(kwargs))
        value, axis = made if isinstance(made, tuple) else made[0]
        value = operands.full(value, tuple(n for i, n in enumerate(target.shape) if i != axis))
        for other in self._storages[storage]:
            if other.tensor is target or _same_elements(other.tensor, target):
                other.value, other.axis, other.source = value, axis, -1
            elif _overlap(other.tensor, target):
                other.stale = True
        entry.stale = False
        return result

    def _translate(self, argument: Any) -> Any:
        """The argument with tensors replaced by (value, batch axis); axis None where there is no batch axis."""
        if isinstance(argument, Tensor):
            entry = self._entry(argument)
            if entry.value is None:
                return self._operand(argument), None
            return entry.value, entry.axis
        if isinstance(argument, list | tuple):
            return [self._translate(item) for item in argument]
        if isinstance(argument, dict):
            return {key: self._translate(item) for key, item in argument.items()}
        return argument

    def _operand(self, tensor: Tensor) -> Value:
        """A value for what depends on parameters alone."""
        entry = self._entry(tensor)
        if entry.source < 0:
            entry.source = self._captured(tensor)
        name = self.code.use(entry.source)
        value = self.builder.input(name, "parameter", Type(tuple(tensor.shape), False))
        if tensor.dtype == torch.bool:
            return self.builder("ne", value, self.builder.fill(0.0))
        return value

    def _entry(self, tensor: Tensor) -> _Entry:
        known = self._entries.get(id(tensor))
        return known if known is not None else self._remember(tensor, None, 0)

    def _remember(self, tensor: Tensor, value: Value | None, axis: int) -> _Entry:
        entry = _Entry(tensor, value, axis)
        self._entries[id(tensor)] = entry
        self._storages.setdefault(tensor.untyped_storage()._cdata, []).append(entry)
        return entry


def trace(step: Step, named: Mapping[str, Tensor], event: Tensor, states: Sequence[Tensor]) -> Traced:
    """The program of one step of a cell.

    Args:
        step: event and states to output and next states.
        named: every tensor that the step may use besides, by name: parameters, buffers, attributes.
        event: an event `[B, ...]`, of which only shape, dtype and device count.
        states: the states, likewise.

    Raises:
        Refusal: where the step cannot be expressed as a program.
    """
    taken = {n for tensor in [*named.values(), event[:1], *(s[:1] for s in states)] for n in tensor.shape}
    first, second = [p for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43) if p not in taken][:2]
    traced = _trace(step, named, event, states, first)
    again = _trace(step, named, event, states, second)
    if str(traced.program) != str(again.program) or traced.parameters.source() != again.parameters.source():
        raise Refusal("the step computes something from the size of the batch")
    return traced


def _trace(
    step: Step, named: Mapping[str, Tensor], event: Tensor, states: Sequence[Tensor], batch: int
) -> Traced:
    def example(like: Tensor) -> Tensor:
        return torch.zeros((batch, *like.shape[1:]), dtype=like.dtype, device=like.device)

    x, before = example(event), [example(state) for state in states]
    tracer = Tracer(named, batch)
    tracer.give(x, "x", "event")
    for number, state in enumerate(before):
        tracer.give(state, f"s{number}", "state")
    with torch.no_grad(), torch.autocast(event.device.type, enabled=False), tracer:
        y, after = step(x, before)
    outputs = {"y": tracer.value_of(y)}
    for number, (state, old) in enumerate(zip(after, before, strict=True)):
        if state.shape != old.shape or state.dtype != old.dtype:
            raise Refusal(f"state {number} changes from {_kind(old)} to {_kind(state)} in a step")
        outputs[f"s{number}"] = tracer.value_of(state)
    return Traced(Program(outputs), tracer.code.finished())


def where() -> str:
    """The line of the cell that is running: "file.py:12, in forward"."""
    frame: FrameType | None = sys._getframe(1)
    inside = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE):
            line = f"{Path(file).name}:{frame.f_lineno}, in {frame.f_code.co_name}"
            if not file.startswith(_TORCH):
                return f"at {line}"
            if f"{_TORCH}/nn/modules" in file and not inside:
                inside = line
        elif file.endswith("trace.py") and frame.f_code.co_name == "_trace":
            break
        frame = frame.f_back
    return f"at {inside}"


def _kind(tensor: Tensor) -> str:
    return f"[B{''.join(f', {n}' for n in tensor.shape[1:])}] of {tensor.dtype}"


def _flat(arguments: Any) -> list[Any]:
    if isinstance(arguments, dict):
        return [leaf for item in arguments.values() for leaf in _flat(item)]
    if isinstance(arguments, list | tuple):
        return [leaf for item in arguments for leaf in _flat(item)]
    return [arguments]


def _elements(tensor: Tensor) -> Any:
    numbers = torch.arange(tensor.untyped_storage().nbytes() // tensor.element_size())
    return numbers.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset()).numpy()


def _same_elements(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.stride() == b.stride() and a.storage_offset() == b.storage_offset()


def _overlap(a: Tensor, b: Tensor) -> bool:
    return bool(np.intersect1d(_elements(a), _elements(b)).size)
