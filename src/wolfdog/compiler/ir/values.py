"""Values of programs, their types, and their builder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from .operations import OPERATIONS, Kind

Attribute = Any  # str, int, float or a tuple of int, as the operation's row of the table has it


@dataclass(frozen=True)
class Type:
    """Type of a value: shape without the batch axis, whether it is batched, and whether it is boolean."""

    shape: tuple[int, ...]
    batched: bool
    boolean: bool = False

    @property
    def size(self) -> int:
        """Number of elements for one example."""
        return prod(self.shape)

    def __str__(self) -> str:
        axes = (["B"] if self.batched else []) + [str(n) for n in self.shape]
        return ("bool" if self.boolean else "") + f"[{', '.join(axes)}]"


@dataclass(frozen=True, eq=False)
class Value:
    """Operation applied to operands. Values compare by identity; a `Builder` returns the same object for equal ones."""

    op: str
    operands: tuple["Value", ...]
    attributes: dict[str, Attribute]
    type: Type
    where: str = field(default="", repr=False)  # the line of the cell that it comes from

    @property
    def kind(self) -> Kind:
        """Kind of the operation."""
        return OPERATIONS[self.op].kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Feature shape."""
        return self.type.shape

    @property
    def name(self) -> str:
        """Name of an input."""
        return str(self.attributes["name"])

    @property
    def role(self) -> str:
        """Role of an input."""
        return str(self.attributes["role"])

    def is_number(self, number: float) -> bool:
        """Whether this is a constant of the given number."""
        return self.op == "fill" and self.attributes["value"] == number


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Broadcast shape of shapes of any ranks.

    >>> broadcast([(4, 1), (3,)])
    (4, 3)
    """
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = tuple(max(axis) if 0 not in axis else 0 for axis in zip(*padded, strict=True))
    for shape in padded:
        for have, want in zip(shape, result, strict=True):
            if have not in (1, want):
                raise ValueError(f"shapes {shapes} do not broadcast")
    return result


def infer(op: str, operands: Sequence[Value], attributes: dict[str, Attribute]) -> Type:
    """Type of an operation's result, by one rule for each kind of operation."""
    row = OPERATIONS[op]
    batched = any(value.type.batched for value in operands)
    first = operands[0].type if operands else Type((), False)
    rank = len(first.shape)
    match row.kind:
        case Kind.POINTWISE:
            boolean = row.boolean or (op == "where" and operands[1].type.boolean)
            return Type(broadcast([value.shape for value in operands]), batched, boolean)
        case Kind.REDUCE:
            axes = {rank + axis for axis in _integers(attributes["axes"])}
            return Type(tuple(1 if axis in axes else n for axis, n in enumerate(first.shape)), batched)
        case Kind.CONCAT:
            axis = rank + _integer(attributes["axis"])
            total = sum(value.shape[axis] for value in operands)
            return Type((*first.shape[:axis], total, *first.shape[axis + 1 :]), batched)
        case Kind.PRODUCT:
            return Type((*first.shape[:-1], operands[1].shape[-1]), batched)
    if op == "permute":
        return Type(
            tuple(first.shape[axis] for axis in _integers(attributes["order"])), batched, first.boolean
        )
    if op == "slice":
        axis = rank + _integer(attributes["axis"])
        length = _integer(attributes["stop"]) - _integer(attributes["start"])
        return Type((*first.shape[:axis], length, *first.shape[axis + 1 :]), batched, first.boolean)
    return Type(_integers(attributes["shape"]), batched, first.boolean)  # reshape, expand, fill


def _integer(attribute: Attribute) -> int:
    return int(attribute)


def _integers(attribute: Attribute) -> tuple[int, ...]:
    return tuple(attribute)


class Builder:
    """Builder of values that returns one object for equal operation, operands and attributes."""

    def __init__(self) -> None:
        self._made: dict[object, Value] = {}
        self.where = ""

    def input(self, name: str, role: str, type_: Type) -> Value:
        """Input of a program, identified by its name."""
        key = ("input", name, role, type_)
        if key not in self._made:
            self._made[key] = Value("input", (), {"name": name, "role": role}, type_)
        return self._made[key]

    def fill(self, number: float, shape: tuple[int, ...] = ()) -> Value:
        """Constant."""
        return self("fill", value=float(number), shape=shape)

    def __call__(self, op: str, *operands: Value, **attributes: Attribute) -> Value:
        """Value of an operation, or an equal one made before."""
        # 0.0 and -0.0 are equal as keys but not as numbers, hence the repr of what is a float
        exact = tuple((k, repr(v) if isinstance(v, float) else v) for k, v in sorted(attributes.items()))
        key = (op, tuple(id(value) for value in operands), exact)
        made = self._made.get(key)
        if made is None:
            made = Value(op, operands, attributes, infer(op, operands, attributes), self.where)
            self._made[key] = made
        return made
