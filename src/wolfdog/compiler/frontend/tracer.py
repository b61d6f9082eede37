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
from .streams import FILLS, MAKES_RANDOM, Draw, Lookup, check_whole, indices_of, layout, lookup_axis, of_event


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
        self.lookups: list[Lookup] = []
        self.draws: list[Draw] = []
        self._unset: set[int] = set()  # tensors of unset numbers, which are to be filled with random ones
        self._whole = False  # whether the event consists of whole numbers
        self.operands = Operands(self.builder, batch, self._constant, torch.finfo(dtype).max)
        for name, tensor in named.items():
            self.aliases.remember(tensor, None, None, given=True).source = self.code.given(name)

    def give(self, tensor: Tensor, name: str, role: str) -> None:
        """Register a batched tensor as an input of the program."""
        value = self.builder.input(name, role, Type(tuple(tensor.shape[1:]), True))
        if tensor.dtype is torch.bool:
            value = self.builder("ne", value, self.builder.fill(0.0))
        self._whole = self._whole or not (tensor.is_floating_point() or tensor.dtype is torch.bool)
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
        if kwargs.get("generator") is not None:
            raise Refusal(
                f"{base} draws random numbers from a generator of the cell's own, {self.builder.where}"
            )
        self._check(func, base, entries, writes, batched)  # before it runs: a refused cell is left as it was
        result = func(*args, **kwargs)
        if base in FILLS:
            self._draw(writes[0], base, FILLS[base](args[1:]))
        elif base in MAKES_RANDOM:
            self.aliases.remember(result, None, None)
            self._draw(result, *MAKES_RANDOM[base])
        elif (base in _UNSET and self._takes_batch(result)) or (
            base == "detach" and id(args[0]) in self._unset
        ):
            self.aliases.remember(result, None, None).stale = True
            self._unset.add(id(result))
        elif base in _LOOKUPS and self._looked_up(base, args, result):
            pass
        elif writes and batched:
            return self._in_place(base, args, kwargs, result)
        else:
            self._recorded(func, base, args, kwargs, result, writes, batched)
        return result

    def _recorded(
        self, func: Any, base: str, args: Any, kwargs: Any, result: Any, writes: list[Tensor], batched: bool
    ) -> None:
        if batched or self._batched_anew(base, result):
            self._record(base, args, kwargs, result)
        else:
            self._record_parameters(func, base, args, kwargs, result, writes)

    def _takes_batch(self, tensor: Any) -> bool:
        """Whether a new tensor has the batch as its first axis."""
        return isinstance(tensor, Tensor) and tensor.shape[:1] == (self.batch,)

    def _draw(self, tensor: Tensor, fill: str, arguments: tuple[float, ...]) -> None:
        """Make a tensor, which is filled with random numbers, an input of the program."""
        here, entry = self.builder.where, self.aliases.entry(tensor)
        if not self._takes_batch(tensor) or tensor.dtype is not self.dtype:
            raise Refusal(f"the step draws random numbers that are not one for each example, {here}")
        known = [other for other in self.aliases.sharing(tensor) if id(other.tensor) not in self._unset]
        if not _dense(tensor) or any(other is not entry for other in known):
            raise Refusal(f"the step draws random numbers into a view of another tensor, {here}")
        features = tuple(tensor.shape[1:])
        draw = Draw(f"r{len(self.draws)}", features, layout(tensor), fill, arguments)
        self.draws.append(draw)
        entry.value, entry.axis, entry.stale, entry.source = (
            self.builder.input(draw.name, "event", Type(features, True)), 0, False, -1
        )  # fmt: skip

    def _looked_up(self, base: str, args: Any, result: Tensor) -> bool:
        """Whether an operation looks up rows by whole numbers of the event; its result is then an input."""
        table, indices = args[0], args[1] if base == "embedding" else args[1][0]
        at = self.aliases.entry(indices) if isinstance(indices, Tensor) else None
        if at is None or at.value is None or indices.is_floating_point() or indices.dtype is torch.bool:
            return False
        program, here = indices_of(at.value), self.builder.where
        if program is None or not self._whole or (base == "index" and len(args[1]) > 1):
            raise Refusal(f"rows are looked up by numbers that the step computes, {here}")
        if self.aliases.entry(table).value is not None:
            raise Refusal(f"rows are looked up in a tensor that depends on the event or the state, {here}")
        options = (*args[2:], *(-1, False, False)[len(args) - 2 :]) if base == "embedding" else None
        if options is not None and options[1]:
            raise Refusal(f"an embedding with scale_grad_by_freq counts the indices of one step, {here}")
        rows = self._operand(table)
        shape, axis = lookup_axis(self.operands, (at.value, at.axis), rows)
        made = Lookup(f"l{len(self.lookups)}", program, rows.name, options)
        self.lookups.append(made)
        value = self.builder.input(made.name, "event", Type(shape, True))
        self.aliases.remember(result, value, axis)
        return True

    def _check(self, func: Any, base: str, entries: list[Entry], writes: list[Tensor], batched: bool) -> None:
        """Raise Refusal for an operation that a program cannot have."""
        here = self.builder.where
        unset = any(id(entry.tensor) in self._unset and entry.stale for entry in entries)
        if unset and base == "detach":  # PyTorch's own, as it makes a tensor
            return
        if unset and base not in FILLS:
            raise Refusal(f"{base} reads a tensor of unset numbers, {here}")
        if base not in FILLS and any(entry.stale for entry in entries):
            raise Refusal(f"{base} reads a tensor that was written through another view of it, {here}")
        if base == "_local_scalar_dense":
            raise Refusal(f"a number is read out of a tensor, {here}")
        random = torch.Tag.nondeterministic_seeded in func.tags and base not in ATTENTION
        if random and (base not in {*FILLS, *MAKES_RANDOM} or func._overloadname not in _PLAIN_DRAWS):
            raise Refusal(f"{func.name()} draws random numbers, {here}")
        if any(self.aliases.is_given(tensor) for tensor in writes):
            raise Refusal(f"{base} writes into an event, a state or a parameter, {here}")
        drawn = base in FILLS or base in MAKES_RANDOM or base in _UNSET or base in _LOOKUPS
        if batched and not drawn and (base not in IN_PLACE if writes else base not in LOWER):
            name = func.name().removeprefix("aten::")
            raise Refusal(f"the operation {name} is not one that kernels can be made of, {here}")
        folded = any(isinstance(entry.axis, Folded) for entry in entries)
        if folded and base not in FOLDS and IN_PLACE.get(base) not in FOLDS:
            raise Refusal(f"{base} reads a view that merges the batch with other axes, {here}")

    def _batched_anew(self, base: str, result: Any) -> bool:
        """Whether an operation adds a batch axis, as zeros(B, H) or a bias expanded to `[B, H]`."""
        return base in MAKES and isinstance(result, Tensor) and result.shape[:1] == (self.batch,)

    def _record(self, base: str, args: Any, kwargs: Any, result: Any) -> None:
        if base not in LOWER:
            raise Refusal(
                f"the operation {base} is not one that kernels can be made of, {self.builder.where}"
            )
        self._check_whole(base, args, kwargs, result)
        widens = base == "_to_copy" and result.dtype is torch.int64 and not args[0].is_floating_point()
        if self._whole and widens:  # whole numbers of fewer bits
            entry = self.aliases.entry(args[0])
            self.aliases.remember(result, entry.value, entry.axis)
            return
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

    def _check_whole(self, base: str, args: Any, kwargs: Any, result: Any) -> None:
        """Raise Refusal for an operation that computes with whole numbers of the event."""
        for tensor in flat((args, kwargs)) if self._whole else ():
            if (
                isinstance(tensor, Tensor)
                and not tensor.is_floating_point()
                and tensor.dtype is not torch.bool
            ):
                value = self.aliases.entry(tensor).value
                if value is not None and of_event(value):
                    check_whole(base, args, result, self.dtype, self.builder.where)

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
        self._check_whole(base, args, kwargs, result)
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


_UNSET = frozenset({"empty_like", "empty", "new_empty", "empty_strided", "new_empty_strided"})
"""Operations that make tensors of unset numbers."""

_LOOKUPS = frozenset({"embedding", "index"})
"""Operations that look up rows of a table."""

_PLAIN_DRAWS = frozenset({"", "default", "float"})
"""Overloads of random operations that take numbers alone, and PyTorch's own generator."""


def _dense(tensor: Tensor) -> bool:
    """Whether a tensor's elements fill a block of memory, in some order of its axes."""
    return tensor.permute(layout(tensor)).is_contiguous()


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
