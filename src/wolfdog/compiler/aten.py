"""What PyTorch's operations mean in ours: the one place that knows ATen.

Each row takes `Operands` (which knows the builder and the batch) and the arguments of the ATen operation, with every
tensor replaced by a pair (value, position of its batch axis, None where it has none), and gives such a pair, or a list
of them where the operation has several results.
"""

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Any

from .errors import Refusal
from .ir.values import Builder, Value, broadcast

Batched = tuple[Value, int | None]
Lower = Callable[..., Any]


class Operands:
    """Alignment of operands whose batch axes stand anywhere."""

    def __init__(self, builder: Builder, batch: int, _: list[Any]) -> None:
        self.b = builder
        self.batch = batch

    def shape(self, x: Batched) -> tuple[int, ...]:
        """The full shape of a tensor, with its batch axis."""
        value, axis = x
        return value.shape if axis is None else (*value.shape[:axis], self.batch, *value.shape[axis:])

    def align(self, *arguments: Any) -> tuple[list[Value], int | None]:
        """Operands of a pointwise operation, of one feature rank, and the batch axis of its result."""
        tensors = [a for a in arguments if isinstance(a, tuple)]
        rank = max((len(self.shape(a)) for a in tensors), default=0)
        from_end = {axis - len(self.shape((v, axis))) for v, axis in tensors if axis is not None}
        if len(from_end) > 1:
            raise Refusal(f"a pointwise operation across the batch {self.b.where}")
        axis = rank + from_end.pop() if from_end else None
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
            values.append(self.reshape(value, features) if value.shape != () else value)
        return values, axis

    def number(self, number: Any) -> Value:
        """A constant."""
        return self.b.fill(float(number))

    def reshape(self, value: Value, shape: tuple[int, ...]) -> Value:
        """The value under another feature shape."""
        return value if value.shape == shape else self.b("reshape", value, shape=shape)

    def full(self, value: Value, shape: tuple[int, ...]) -> Value:
        """The value, repeated to a feature shape."""
        value = self.reshape(value, (1,) * (len(shape) - len(value.shape)) + value.shape)
        return value if value.shape == shape else self.b("expand", value, shape=shape)

    def feature_axis(self, x: Batched, dim: int) -> int:
        """A dimension of a tensor as a feature axis counted from the end; refuses the batch axis."""
        value, axis = x
        rank = len(self.shape(x))
        dim %= max(rank, 1)
        if axis is None:
            return dim - rank
        if dim == axis:
            raise Refusal(f"an operation along the batch {self.b.where}")
        return (dim if dim < axis else dim - 1) - len(value.shape)


def _pointwise(op: str) -> Lower:
    def lower(o: Operands, *arguments: Any) -> Batched:
        values, axis = o.align(*arguments)
        return o.b(op, *values), axis

    return lower


def _add(op: str) -> Lower:
    def lower(o: Operands, a: Any, b: Any, alpha: float = 1) -> Batched:
        (x, y), axis = o.align(a, b)
        return o.b(op, x, y if alpha == 1 else o.b("mul", y, o.number(alpha))), axis

    return lower


def _rsub(o: Operands, a: Any, b: Any, alpha: float = 1) -> Batched:
    (x, y), axis = o.align(a, b)
    return o.b("sub", y, x if alpha == 1 else o.b("mul", x, o.number(alpha))), axis


def formula(function: Callable[..., Value]) -> Lower:
    """An operation given by a formula over pointwise ones: function(make, number, *values)."""

    def lower(o: Operands, *arguments: Any, **options: Any) -> Batched:
        tensors = [a for a in arguments if isinstance(a, tuple)]
        values, axis = o.align(*tensors)
        rest = [a for a in arguments if not isinstance(a, tuple)]
        return function(o.b, o.number, *values, *rest, **options), axis

    return lower


def _pow(o: Operands, a: Any, b: Any) -> Batched:
    if isinstance(b, tuple):
        (x, y), axis = o.align(a, b)
        return o.b("pow", x, y), axis
    value, axis = a
    special = {1: value, 2: o.b("mul", value, value), 0.5: o.b("sqrt", value)}
    return special.get(b) or o.b("power", value, exponent=float(b)), axis


def _gelu(b: Builder, number: Any, x: Value, approximate: str = "none") -> Value:
    half = b("mul", x, number(0.5))
    if approximate == "tanh":
        inner = b("add", x, b("mul", number(0.044715), b("mul", x, b("mul", x, x))))
        return b(
            "mul", half, b("add", number(1), b("tanh", b("mul", inner, number(sqrt(2 / 3.141592653589793)))))
        )
    return b("mul", half, b("add", number(1), b("erf", b("mul", x, number(sqrt(0.5))))))


def _softplus(b: Builder, number: Any, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    scaled = x if beta == 1 else b("mul", x, number(beta))
    large = b("gt", scaled, number(threshold))
    # the exponential of what is replaced anyway must stay finite, or its derivative is not a number
    soft = b("log1p", b("exp", b("where", large, number(0), scaled)))
    return b("where", large, x, soft if beta == 1 else b("div", soft, number(beta)))


def _elu(
    b: Builder, number: Any, x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> Value:
    below = b("expm1", b("mul", b("clamp", x, low=float("-inf"), high=0.0), number(input_scale)))
    return b(
        "where", b("gt", x, number(0)), b("mul", x, number(scale)), b("mul", below, number(alpha * scale))
    )


def _leaky_relu(b: Builder, number: Any, x: Value, slope: float = 0.01) -> Value:
    return b("where", b("gt", x, number(0)), x, b("mul", x, number(slope)))


def _hardsigmoid(b: Builder, number: Any, x: Value) -> Value:
    inside = b("logical_and", b("gt", x, number(-3)), b("lt", x, number(3)))
    ramp = b("add", b("mul", x, number(1 / 6)), number(0.5))
    return b("where", inside, ramp, b("where", b("gt", x, number(0)), number(1), number(0)))


def _hardswish(b: Builder, number: Any, x: Value) -> Value:
    ramp = b("mul", x, b("mul", b("add", x, number(3)), number(1 / 6)))
    return b("where", b("le", x, number(-3)), number(0), b("where", b("lt", x, number(3)), ramp, x))


def _hardtanh(o: Operands, x: Batched, low: float = -1, high: float = 1) -> Batched:
    b, value = o.b, x[0]  # unlike clamp's, its derivative is zero at the ends
    inside = b("logical_and", b("gt", value, o.number(low)), b("lt", value, o.number(high)))
    outside = b("where", b("le", value, o.number(low)), o.number(low), o.number(high))
    return b("where", inside, value, outside), x[1]


def _log_sigmoid(o: Operands, x: Batched) -> list[Batched]:
    b, value = o.b, x[0]
    small = b("minimum", value, o.number(0))
    soft = b("log1p", b("exp", b("neg", b("abs", value))))
    return [(b("sub", small, soft), x[1])]


def _clamp(o: Operands, x: Any, min: Any = None, max: Any = None) -> Batched:  # noqa: A002  # ATen's names
    if isinstance(min, tuple) or isinstance(max, tuple):
        result: Batched = x
        if min is not None:
            result = _pointwise("maximum")(o, result, min)
        return result if max is None else _pointwise("minimum")(o, result, max)
    low = float("-inf") if min is None else float(min)
    high = float("inf") if max is None else float(max)
    return o.b("clamp", x[0], low=low, high=high), x[1]


def _where(o: Operands, condition: Any, a: Any, b: Any) -> Batched:
    values, axis = o.align(condition, a, b)
    return o.b("where", *values), axis


def _masked_fill(o: Operands, x: Any, mask: Any, number: Any) -> Batched:
    return _where(o, mask, number, x)


def _same(o: Operands, x: Batched, *_: Any, **__: Any) -> Batched:
    return x


def _to_copy(o: Operands, x: Batched, dtype: Any = None, **_: Any) -> Batched:
    value, axis = x
    if dtype is None or (dtype.is_floating_point and not value.type.boolean):
        return x
    if dtype.is_floating_point:
        return o.b("where", value, o.number(1), o.number(0)), axis
    raise Refusal(f"a conversion to {dtype} {o.b.where}")


def _make(number: float | None) -> Lower:
    """zeros(B, n), full((B, n), 1.0): one number in every example."""

    def lower(o: Operands, first: Any, *rest: Any, **_: Any) -> Batched:
        size = tuple(first) if isinstance(first, list) else o.shape(first)
        if isinstance(first, list) or number is None:
            value = number if number is not None else rest[-1]
            size = size if isinstance(first, list) else tuple(rest[0]) if len(rest) > 1 else size
        else:
            value = number
        axis = 0 if not isinstance(first, tuple) or first[1] is None else first[1]
        return o.b.fill(float(value), tuple(n for i, n in enumerate(size) if i != axis)), axis

    return lower


def _new(number: float) -> Lower:
    def lower(o: Operands, _: Any, size: Sequence[int], *__: Any, **___: Any) -> Batched:
        if tuple(size[:1]) != (o.batch,):
            return o.b.fill(number, tuple(size)), None
        return o.b.fill(number, tuple(size[1:])), 0

    return lower


IN_PLACE: dict[str, str] = {}
"""In-place operations, and the operation whose result they write."""

MAKES = {"zeros", "ones", "full", "expand", "new_zeros", "new_ones", "zeros_like", "ones_like", "full_like"}
"""Operations that give something without a batch axis one."""

_COMPARE = {
    name: name for name in ("lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_not")
}
_COMPARE |= {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_not": "logical_not"}
_SAME_NAME = [
    "neg",
    "abs",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "rsqrt",
    "tanh",
    "sigmoid",
    "relu",
    "sin",
    "cos",
    "erf",
    "floor",
    "atan",
    "mul",
    "minimum",
    "maximum",
    "sign",
]

LOWER: dict[str, Lower] = {
    **{name: _pointwise(name) for name in _SAME_NAME},
    **{name: _pointwise(op) for name, op in _COMPARE.items()},
    "div": _pointwise("div"),
    "add": _add("add"),
    "sub": _add("sub"),
    "rsub": _rsub,
    "pow": _pow,
    "sgn": _pointwise("sign"),
    "reciprocal": formula(lambda b, n, x: b("div", n(1), x)),
    "square": formula(lambda b, n, x: b("mul", x, x)),
    "exp2": formula(lambda b, n, x: b("exp", b("mul", x, n(0.6931471805599453)))),
    "silu": formula(lambda b, n, x: b("mul", x, b("sigmoid", x))),
    "gelu": formula(_gelu),
    "softplus": formula(_softplus),
    "elu": formula(_elu),
    "leaky_relu": formula(_leaky_relu),
    "hardsigmoid": formula(_hardsigmoid),
    "hardswish": formula(_hardswish),
    "hardtanh": _hardtanh,
    "mish": formula(lambda b, n, x: b("mul", x, b("tanh", _softplus(b, n, x)))),
    "log_sigmoid_forward": _log_sigmoid,
    "lerp": formula(
        lambda b, n, x, y, w: b("add", x, b("mul", w if isinstance(w, Value) else n(w), b("sub", y, x)))
    ),
    "addcmul": formula(lambda b, n, x, y, z, value=1: b("add", x, b("mul", n(value), b("mul", y, z)))),
    "addcdiv": formula(lambda b, n, x, y, z, value=1: b("add", x, b("mul", n(value), b("div", y, z)))),
    "clamp": _clamp,
    "clamp_min": lambda o, x, low: _clamp(o, x, low),
    "clamp_max": lambda o, x, high: _clamp(o, x, None, high),
    "where": _where,
    "masked_fill": _masked_fill,
    "threshold": formula(lambda b, n, x, t, v: b("where", b("le", x, n(t)), n(v), x)),
    "clone": _same,
    "alias": _same,
    "detach": _same,
    "lift_fresh": _same,
    "contiguous": _same,
    "_to_copy": _to_copy,
    "copy": lambda o, x, source, *_: (o.full(source[0], x[0].shape), x[1]),
    "fill": lambda o, x, number: (o.b.fill(float(number), x[0].shape), x[1]),
    "zero": lambda o, x: (o.b.fill(0.0, x[0].shape), x[1]),
    "zeros": _make(0.0),
    "ones": _make(1.0),
    "full": _make(None),
    "zeros_like": _make(0.0),
    "ones_like": _make(1.0),
    "full_like": _make(None),
    "new_zeros": _new(0.0),
    "new_ones": _new(1.0),
}
"""ATen's operations in ours, by ATen's name without its overload; aten_shapes.py adds views, sums and products."""

IN_PLACE.update({f"{name}_": name for name in LOWER})


def sizes(o: Operands, x: Batched, size: Sequence[int]) -> tuple[int, ...]:
    """A size with -1 resolved."""
    total, known = prod(o.shape(x)), prod(n for n in size if n != -1)
    return tuple(total // known if n == -1 else n for n in size)


def common(values: Sequence[Value]) -> tuple[int, ...]:
    """The shape that values broadcast to."""
    return broadcast([value.shape for value in values])
