"""Operands of lowerings: values with the position of their batch axis, and their alignment.

A lowering takes `Operands` (with the builder and the batch size) and the arguments of the ATen operation, in which
every tensor is a pair: a value, and the position of its batch axis or None. It returns such a pair, or a list of them
for an operation with several results.
"""

from collections.abc import Callable
from math import prod
from typing import Any

from ...errors import Refusal
from ...ir.values import Builder, Value

Lower = Callable[..., Any]


class Folded(int):
    """Batch axis that features are folded into: `[B * count, ...]` of a value of shape (count, ...).

    It results from views such as `h.reshape(-1, 2)`, which PyTorch makes for a linear map of `[B, n, K]`.
    """

    count: int

    def __new__(cls, axis: int, count: int) -> "Folded":
        made = super().__new__(cls, axis)
        made.count = count
        return made


def batch_axis(axis: int, like: int | None) -> int:
    """Batch axis at another position, folded like the original."""
    return Folded(axis, like.count) if isinstance(like, Folded) else axis


Batched = tuple[Value, int | None]


class Operands:
    """Alignment of operands with batch axes at any position.

    `constant(expression, shape)` makes a matrix of numbers that stay as they are, from an expression of PyTorch's.
    """

    def __init__(
        self, builder: Builder, batch: int, constant: Callable[[str, tuple[int, ...]], Value], largest: float
    ) -> None:
        self.b = builder
        self.batch = batch
        self.constant = constant
        self.largest = largest

    def shape(self, x: Batched) -> tuple[int, ...]:
        """Full shape of a tensor, with its batch axis."""
        value, axis = x
        if axis is None:
            return value.shape
        if isinstance(axis, Folded):
            return (*value.shape[:axis], self.batch * axis.count, *value.shape[axis + 1 :])
        return (*value.shape[:axis], self.batch, *value.shape[axis:])

    def align(self, *arguments: Any) -> tuple[list[Value], int | None]:
        """Operands of a pointwise operation, of one feature rank, and the batch axis of its result."""
        tensors = [a for a in arguments if isinstance(a, tuple)]
        rank = max((len(self.shape(a)) for a in tensors), default=0)
        from_end = {axis - len(self.shape((v, axis))) for v, axis in tensors if axis is not None}
        if len(from_end) > 1:
            raise Refusal(f"a pointwise operation across the batch {self.b.where}")
        folded = next((axis for _, axis in tensors if isinstance(axis, Folded)), None)
        axis = batch_axis(rank + from_end.pop(), folded) if from_end else None
        values = []
        for argument in arguments:
            if not isinstance(argument, tuple):
                values.append(self.number(argument))
                continue
            value, own = argument
            full = (1,) * (rank - len(self.shape(argument))) + self.shape(argument)
            if axis is None:
                values.append(value)
                continue
            if own is None and full[axis] != 1:
                raise Refusal(f"something of the batch's size is combined with a batch {self.b.where}")
            features = full[:axis] + full[axis + 1 :]
            if folded is not None:
                features = (*full[:axis], 1 if own is None else folded.count, *full[axis + 1 :])
            values.append(self.reshape(value, features) if value.shape != () else value)
        return values, axis

    def number(self, number: Any) -> Value:
        """Constant value."""
        return self.b.fill(float(number))

    def numbers(self, value: Value) -> Value:
        """Boolean as one or zero."""
        return self.b("where", value, self.number(1), self.number(0)) if value.type.boolean else value

    def reshape(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Value with another feature shape."""
        return value if value.shape == shape else self.b("reshape", value, shape=shape)

    def full(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Value repeated to a feature shape."""
        value = self.reshape(value, (1,) * (len(shape) - len(value.shape)) + value.shape)
        return value if value.shape == shape else self.b("expand", value, shape=shape)

    def feature_axis(self, x: Batched, dim: int) -> int:
        """Dimension of a tensor as a feature axis counted from the end; the batch axis is refused."""
        value, axis = x
        rank = len(self.shape(x))
        dim %= max(rank, 1)
        if axis is None or (isinstance(axis, Folded) and dim != axis):
            return dim - rank
        if dim == axis:
            raise Refusal(f"an operation along the batch {self.b.where}")
        return (dim if dim < axis else dim - 1) - len(value.shape)

    def cut(self, value: Value, axis: int, start: int, stop: int) -> Value:
        """Slice along a feature axis counted from the end."""
        whole = (start, stop) == (0, value.shape[axis])
        return value if whole else self.b("slice", value, axis=axis, start=start, stop=stop)

    def sizes(self, x: Batched, size: Any) -> tuple[int, ...]:
        """Size with -1 resolved."""
        total, known = prod(self.shape(x)), prod(n for n in size if n != -1)
        return tuple(total // known if n == -1 else n for n in size)


def pointwise(op: str) -> Lower:
    """Lowering to an operation of the same arguments."""

    def lower(o: Operands, *arguments: Any) -> Batched:
        values, axis = o.align(*arguments)
        return o.b(op, *values), axis

    return lower


def formula(function: Callable[..., Value]) -> Lower:
    """Lowering to a formula over pointwise operations: function(builder, number, *values)."""

    def lower(o: Operands, *arguments: Any, **options: Any) -> Batched:
        tensors = [a for a in arguments if isinstance(a, tuple)]
        values, axis = o.align(*tensors)
        rest = [a for a in arguments if not isinstance(a, tuple)]
        return function(o.b, o.number, *values, *rest, **options), axis

    return lower
