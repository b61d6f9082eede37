"""Dispatch mode that records one call of a cell.

Operations on parameters alone are recorded for replay by PyTorch (`ParameterCode`), under autograd. Operations on the
event or the state become values of a program, by the table in aten/table.py. The numbers of the example do not count: a
cell that reads them (`.item()`, `if x.sum() > 0`) is refused. In-place operations become new values of all tensors that
share the memory (`AliasTable`).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import Refusal
from ..ir.values import Builder, Type, Value
from .aliasing import AliasTable, Entry
from .aten.attention import ATTENTION
from .aten.calls import flat, written
from .aten.operands import Folded, Operands
from .aten.pointwise import MAKES, TRUTHS
from .aten.table import FOLDS, IN_PLACE, LOWER
from .prologue import ParameterCode
from .source_location import where


class Tracer(TorchDispatchMode):
    """Dispatch mode that records one call of a cell."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True would import the whole of torch._dynamo, which takes a second, on first use

    def __init__(self, named: Mapping[str, Tensor], batch: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.batch, self.dtype = batch, dtype
        self.builder = Builder()
        self.code = ParameterCode()
        self.aliases = AliasTable()
        self.operands = Operands(self.builder, batch, self._constant, torch.finfo(dtype).max)
        for name, tensor in named.items():
            self.aliases.remember(tensor, None, None, given=True).source = self.code.given(name)

    def give(self, tensor: Tensor, name: str, role: str) -> None:
        """Register a batched tensor as an input of the program."""
        value = self.builder.input(name, role, Type(tuple(tensor.shape[1:]), True))
        if tensor.dtype is torch.bool:
            value = self.builder("ne", value, self.builder.fill(0.0))
        self.aliases.remember(tensor, value, 0, given=True)

    def value_of(self, tensor: Tensor) -> Value:
        """Batch-first value of a tensor that the cell returned."""
        entry = self.aliases.entry(tensor)
        if entry.stale:
            raise Refusal(
                f"the cell returns a tensor that was written through another view of it ({where()})"
            )
        if entry.value is None and tensor.shape[:1] == (self.batch,):
            raise Refusal(f"an output that does not depend on the event or the state ({where()})")
        if entry.value is None or entry.axis != 0 or isinstance(entry.axis, Folded):
            value = self._operand(tensor) if entry.value is None else entry.value
            return self.operands.full(value, tuple(tensor.shape[1:]))
        return entry.value

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.builder.where = where()
        base = func.name().removeprefix("aten::").split(".")[0]
        inputs = [a for a in flat((args, kwargs)) if isinstance(a, Tensor)]
        entries = [self.aliases.entry(tensor) for tensor in inputs]
        batched = any(entry.value is not None for entry in entries)
        writes = written(func, args, kwargs)
        self._check(func, base, entries, writes, batched)  # before it runs: a refused cell is left as it was
        result = func(*args, **kwargs)
        if writes and batched:
            return self._in_place(base, args, kwargs, result)
        if batched or self._batched_anew(base, result):
            self._record(base, args, kwargs, result)
        else:
            self._record_parameters(func, base, args, kwargs, result, writes)
        return result

    def _check(self, func: Any, base: str, entries: list[Entry], writes: list[Tensor], batched: bool) -> None:
        """Raise Refusal for an operation that a program cannot have."""
        here = self.builder.where
        if any(entry.stale for entry in entries):
            raise Refusal(f"{base} reads a tensor that was written through another view of it, {here}")
        if base == "_local_scalar_dense":
            raise Refusal(f"a number is read out of a tensor, {here}")
        if torch.Tag.nondeterministic_seeded in func.tags and base not in ATTENTION:
            raise Refusal(f"{func.name()} draws random numbers, {here}")
        if batched and base == "empty_like":
            raise Refusal(
                f"the step draws random numbers for dropout, or makes another tensor of unset numbers, {here}; for one "
                "mask a sequence, use wd.RecurrentDropout, or an attribute of the cell with a row for each example"
            )
        if any(self.aliases.is_given(tensor) for tensor in writes):
            raise Refusal(f"{base} writes into an event, a state or a parameter, {here}")
        if batched and (base not in IN_PLACE if writes else base not in LOWER):
            name = func.name().removeprefix("aten::")
            raise Refusal(f"the operation {name} is not one that kernels can be made of, {here}")
        folded = any(isinstance(entry.axis, Folded) for entry in entries)
        if folded and base not in FOLDS and IN_PLACE.get(base) not in FOLDS:
            raise Refusal(f"{base} reads a view that merges the batch with other axes, {here}")

    def _batched_anew(self, base: str, result: Any) -> bool:
        """Whether an operation adds a batch axis, as zeros(B, H) or a bias expanded to `[B, H]`."""
        return base in MAKES and isinstance(result, Tensor) and result.shape[:1] == (self.batch,)

    def _record(self, base: str, args: Any, kwargs: Any, result: Any) -> None:
        made = LOWER[base](self.operands, *self._translate(args, base), **self._translate(kwargs, base))
        results = result if isinstance(result, tuple | list) else [result]
        for tensor, (value, axis) in zip(results, made if isinstance(made, list) else [made], strict=False):
            if 0 in tensor.shape:
                raise Refusal(f"{base} gives a tensor without numbers, {self.builder.where}")
            if self.operands.shape((value, axis)) != tuple(tensor.shape):
                raise Refusal(f"{base} does not treat every example of a batch alike, {self.builder.where}")
            self.aliases.remember(tensor, self._typed(base, tensor, value), axis)

    def _typed(self, base: str, tensor: Tensor, value: Value) -> Value:
        """Value with the type of PyTorch's result: boolean, or a number of the one format."""
        if tensor.dtype is torch.bool:
            return value if value.type.boolean else self.builder("ne", value, self.operands.number(0))
        value = self.operands.numbers(value)
        if tensor.dtype is self.dtype or not (tensor.is_floating_point() or tensor.is_complex()):
            return value
        if value.op == "fill":  # rounded as PyTorch rounds it
            number = torch.tensor(value.attributes["value"], dtype=tensor.dtype, device="cpu").item()
            return self.builder.fill(number, value.shape)
        if whole_numbers(value):
            return value
        raise Refusal(f"{base} computes in {tensor.dtype} in a cell of {self.dtype}, {self.builder.where}")

    def _record_parameters(
        self, func: Any, base: str, args: Any, kwargs: Any, result: Any, writes: list[Tensor]
    ) -> None:
        results = list(result) if isinstance(result, tuple | list) else [result]
        fresh = base == "lift_fresh"

        def number(tensor: Tensor) -> int:
            return self._source(tensor, fresh)

        shared = [number(e.tensor) for t in writes for e in self.aliases.sharing(t) if e.source >= 0]
        first = self.code.record(func, args, kwargs, number, len(results), shared)
        for offset, tensor in enumerate(results):
            if isinstance(tensor, Tensor) and not any(tensor is target for target in writes):
                self.aliases.remember(tensor, None, None).source = first + offset

    def _source(self, tensor: Tensor, fresh: bool = False) -> int:
        """Number of a tensor in the parameter code; a tensor made of Python numbers is a constant there."""
        entry = self.aliases.entry(tensor)
        if entry.source < 0:
            if not fresh:
                here = self.builder.where
                raise Refusal(
                    f"a tensor that is no parameter, buffer or attribute of the cell is used, {here}"
                )
            entry.source = self.code.constant(tensor)
        return entry.source

    def _in_place(self, base: str, args: Any, kwargs: Any, result: Tensor) -> Tensor:
        target: Tensor = args[0]
        made = LOWER[IN_PLACE[base]](
            self.operands, *self._translate(args, base), **self._translate(kwargs, base)
        )
        value, axis = made if isinstance(made, tuple) else made[0]
        value = self._typed(base, target, value)
        kept = isinstance(axis, Folded)
        shape = tuple(n for i, n in enumerate(target.shape) if kept or i != axis)
        if not kept:
            value = self.operands.full(value, shape)
        self.aliases.written(self.operands, target, value, axis)
        return result

    def _translate(self, argument: Any, base: str) -> Any:
        """Argument with every tensor replaced by its value and batch axis."""
        if isinstance(argument, Tensor):
            entry = self.aliases.entry(argument)
            value = self._operand(argument) if entry.value is None else entry.value
            truths = base in TRUTHS or IN_PLACE.get(base) in TRUTHS
            return value if truths else self.operands.numbers(value), entry.axis
        if isinstance(argument, list | tuple):
            return [self._translate(item, base) for item in argument]
        if isinstance(argument, dict):
            return {key: self._translate(item, base) for key, item in argument.items()}
        return argument

    def _operand(self, tensor: Tensor) -> Value:
        """Value of a tensor that depends on parameters alone."""
        if tensor.numel() == 0:
            raise Refusal(f"a tensor without numbers is used, {self.builder.where}")
        source = self.code.in_format(self._source(tensor), tensor.dtype, self.dtype)
        value = self.builder.input(self.code.use(source), "parameter", Type(tuple(tensor.shape), False))
        if tensor.dtype == torch.bool:
            return self.builder("ne", value, self.builder.fill(0.0))
        return value

    def _constant(self, expression: str, shape: tuple[int, ...]) -> Value:
        source = self.code.expression(f"{expression}.to({self.dtype})")
        return self.builder.input(self.code.use(source), "parameter", Type(shape, False))


def whole_numbers(value: Value) -> bool:
    """Whether a value consists of small integers, which every format represents: masks and counts."""
    if value.op == "fill":
        number = float(value.attributes["value"])
        return number.is_integer() and abs(number) < 256
    exact = (
        "where",
        "add",
        "sub",
        "mul",
        "neg",
        "detach",
        "reshape",
        "permute",
        "expand",
        "slice",
        "concat",
        "sum",
    )
    operands = value.operands[1:] if value.op == "where" else value.operands
    return value.op in exact and all(whole_numbers(operand) for operand in operands)
