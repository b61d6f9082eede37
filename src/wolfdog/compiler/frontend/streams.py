"""Streams of a step that PyTorch makes for all events before the loop: rows of tables, and random numbers.

A step that looks up rows by whole numbers of its event, as in an embedding, or that draws random numbers, as for
dropout, reads them as inputs of its program: "l0", "l1", ... and "r0", "r1", ...
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import Refusal
from ..ir.operations import Kind
from ..ir.program import Program, ordered
from ..ir.values import Value
from .aten.operands import Operands, batch_axis
from .aten.views import VIEWS

EXACT = 1 << 24
"""Whole numbers below this have a float32 of their own."""

_COPIES = frozenset({"clone", "detach", "alias", "contiguous", "lift_fresh"})
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


@dataclass(frozen=True)
class Lookup:
    """Rows of a table, by whole numbers of the event.

    Attributes:
        name: Name of the program's input.
        indices: Program from the event "x" to the whole numbers "i".
        table: Name of the table among the values of the parameter code.
        embedding: Arguments of torch.embedding after the indices; None for a plain index.
    """

    name: str
    indices: Program
    table: str
    embedding: tuple[int, bool, bool] | None

    def rows(self, table: Tensor, indices: Tensor) -> Tensor:
        """Rows `[..., E]` of a table `[N, E]` by indices `[...]`, as PyTorch looks them up in a step."""
        if self.embedding is None:
            return table[indices]
        found: Tensor = torch.embedding(table, indices, *self.embedding)
        return found


@dataclass(frozen=True)
class Draw:
    """Random numbers that a step draws from PyTorch's generator.

    Attributes:
        name: Name of the program's input.
        features: Shape without the batch axis.
        order: Axes of `[B, *features]` from the outermost to the innermost in memory, in which they are drawn.
        fill: Name of the in-place operation of a tensor that draws them.
        arguments: Its arguments.
    """

    name: str
    features: tuple[int, ...]
    order: tuple[int, ...]
    fill: str
    arguments: tuple[float, ...]


def drawn(draws: Sequence[Draw], steps: int, used: int, batch: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Random numbers `[T, B, ...]` by name, drawn step by step and in the order of the step, as the loop does.

    Args:
        draws: Draws of a step, in its order.
        steps: Number of steps, T.
        used: Number of steps that the loop runs; the numbers of later ones are zeros.
        batch: Number of examples.
        dtype: Number format.
    """
    found, calls = {}, []
    for draw in draws:
        sizes = (batch, *draw.features)
        memory = torch.zeros(steps, *(sizes[axis] for axis in draw.order), dtype=dtype, device="cpu")
        back = sorted(range(len(sizes)), key=draw.order.__getitem__)
        found[draw.name] = tensor = memory.permute(0, *(1 + axis for axis in back))
        calls.append((getattr(Tensor, draw.fill), tensor, draw.arguments))
    with torch.no_grad():
        for step in range(used):
            for fill, tensor, arguments in calls:
                fill(tensor[step], *arguments)
    return found


FILLS: Mapping[str, Callable[[Sequence[Any]], tuple[float, ...]]] = {
    "bernoulli_": lambda given: (float(given[0]) if given else 0.5,),
    "uniform_": lambda given: tuple(map(float, given)),
    "normal_": lambda given: tuple(map(float, given)),
}
"""In-place operations that draw random numbers, each with a function of its arguments to those of a `Draw`."""

MAKES_RANDOM: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "rand_like": ("uniform_", ()), "randn_like": ("normal_", ()), "rand": ("uniform_", ()), "randn": ("normal_", ()),
}  # fmt: skip
"""Operations that make tensors of random numbers, each with the in-place operation that draws the same."""


def layout(tensor: Tensor) -> tuple[int, ...]:
    """Axes of a dense tensor from the outermost to the innermost in memory; axes of one element count as outermost."""
    axes = range(tensor.dim())
    return tuple(sorted(axes, key=lambda axis: (-tensor.stride()[axis], tensor.shape[axis] != 1, axis)))


def indices_of(value: Value) -> Program | None:
    """Program of the whole numbers of an event; None for a value that is more than views of it."""
    views = all(v.kind in (Kind.VIEW, Kind.CONCAT) or (v.op, v.attributes.get("name")) == ("input", "x")
                for v in ordered([value]))  # fmt: skip
    return Program({"i": value}) if views and value.type.batched else None


def of_event(value: Value) -> bool:
    """Whether a value depends on the event."""
    return any(v.op == "input" and v.name == "x" for v in ordered([value]))


def lookup_axis(o: Operands, indices: tuple[Value, int | None], table: Value) -> tuple[tuple[int, ...], int]:
    """Feature shape, and batch axis, of the rows of a table by whole numbers of the event.

    Raises:
        Refusal: The indices have no batch axis of their own.
    """
    value, axis = indices
    if axis is None or type(axis) is not int:
        raise Refusal(f"rows are looked up by a view that merges the batch with other axes, {o.b.where}")
    return (*value.shape, *table.shape[1:]), batch_axis(axis, axis)


def check_whole(base: str, arguments: Sequence[Any], result: Any, dtype: torch.dtype, where: str) -> None:
    """Check of an operation on whole numbers of the event, which kernels compute in floating-point numbers.

    Raises:
        Refusal: The result might differ from that of whole numbers.
    """
    made = getattr(result, "dtype", None)
    if base in VIEWS or base in _COPIES or made is dtype or (base == "_to_copy" and made is torch.int64):
        return
    small = [isinstance(a, int | float) and abs(a) < EXACT for a in arguments[1:2]]
    if base in _COMPARISONS and small == [True]:
        return
    raise Refusal(f"{base} computes with whole numbers of the event, {where}")
