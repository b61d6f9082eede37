"""Lowering of pointwise operations, and of operations that create or copy tensors."""

from collections.abc import Sequence
from math import log
from typing import Any

from ...errors import Refusal
from ...ir.operations import SAME_NAME
from ...ir.values import Value
from .operands import Batched, Lower, Operands, formula, pointwise


def _add(op: str) -> Lower:
    def lower(o: Operands, a: Any, b: Any, alpha: float = 1) -> Batched:
        (x, y), axis = o.align(a, b)
        return o.b(op, x, y if alpha == 1 else o.b("mul", y, o.number(alpha))), axis

    return lower


def _rsub(o: Operands, a: Any, b: Any, alpha: float = 1) -> Batched:
    (x, y), axis = o.align(a, b)
    return o.b("sub", y, x if alpha == 1 else o.b("mul", x, o.number(alpha))), axis


def _pow(o: Operands, a: Any, b: Any) -> Batched:
    if isinstance(b, tuple):
        (x, y), axis = o.align(a, b)
        return o.b("pow", x, y), axis
    value, axis = a
    special = {0: o.b.fill(1.0, value.shape), 1: value, 2: o.b("mul", value, value), 0.5: o.b("sqrt", value)}
    return special.get(b) or o.b("power", value, exponent=float(b)), axis


def _clamp(o: Operands, x: Any, min: Any = None, max: Any = None) -> Batched:  # noqa: A002  # ATen's names
    if not isinstance(min, tuple) and not isinstance(max, tuple):
        low = float("-inf") if min is None else float(min)
        high = float("inf") if max is None else float(max)
        return o.b("clamp", x[0], low=low, high=high), x[1]
    for within, beyond, bound in (("ge", "lt", min), ("le", "gt", max)):
        if bound is not None:  # at a tie the gradient is x's, all of it; at NaN there is none
            (value, limit), axis = o.align(x, bound)
            neither = o.b("detach", o.b("add", value, limit))
            limited = o.b("where", o.b(beyond, value, limit), limit, neither)
            x = (o.b("where", o.b(within, value, limit), value, limited), axis)
    result: Batched = x
    return result


def _where(o: Operands, condition: Any, a: Any, b: Any) -> Batched:
    (test, yes, no), axis = o.align(condition, a, b)
    if yes.type.boolean is not no.type.boolean:
        yes, no = o.numbers(yes), o.numbers(no)
    return o.b("where", test, yes, no), axis


def _masked_fill(o: Operands, x: Any, mask: Any, number: Any) -> Batched:
    return _where(o, mask, number, x)


def _index_put(o: Operands, x: Batched, indices: Any, number: Any, accumulate: bool = False) -> Batched:
    """Assignment x[mask] = number."""
    if len(indices) != 1 or accumulate or o.shape(indices[0]) != o.shape(x) or o.shape(number) != ():
        raise Refusal(f"an assignment to indices {o.b.where}")
    return _where(o, indices[0], number, x)


def _logical(op: str, of_numbers: bool) -> Lower:
    """Lowering of a logical operation; a number counts as true where it is not zero, except in bitwise operations."""

    def lower(o: Operands, *arguments: Any) -> Batched:
        values, axis = o.align(*arguments)
        if not of_numbers and not all(value.type.boolean for value in values):
            raise Refusal(f"an operation on the bits of numbers {o.b.where}")
        tests = [v if v.type.boolean else o.b("ne", v, o.number(0)) for v in values]
        return o.b(op, *tests), axis

    return lower


def _same(o: Operands, x: Batched, *_: Any, **__: Any) -> Batched:
    return x


def _detach(o: Operands, x: Batched) -> Batched:
    value, axis = x
    return (value if value.type.boolean or value.op == "fill" else o.b("detach", value)), axis


def _to_copy(o: Operands, x: Batched, dtype: Any = None, **_: Any) -> Batched:
    value, axis = x
    if dtype is None or dtype.is_floating_point:
        return o.numbers(value), axis
    if str(dtype) == "torch.bool":
        return value if value.type.boolean else o.b("ne", value, o.number(0)), axis
    raise Refusal(f"a conversion to {dtype} {o.b.where}")


def _make(number: float | None) -> Lower:
    """Lowering of zeros(B, n) or full((B, n), 1.0): one number in every example."""

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


def _new(number: float | None) -> Lower:
    def lower(o: Operands, _: Any, size: Sequence[int], *rest: Any, **__: Any) -> Batched:
        value = rest[0] if number is None else number
        if tuple(size[:1]) != (o.batch,):
            return o.b.fill(float(value), tuple(size)), None
        return o.b.fill(float(value), tuple(size[1:])), 0

    return lower


def _scaled(op: str, factor: float) -> Lower:
    return formula(lambda b, n, x: b("mul", b(op, x), n(factor)))


divided = pointwise("div")

MAKES = {
    "zeros", "ones", "full", "expand", "repeat", "new_zeros", "new_ones", "new_full", "zeros_like", "ones_like",
    "full_like",
}  # fmt: skip
"""Operations that add a batch axis."""

TRUTHS = {
    "where", "masked_fill", "index_put", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or",
    "bitwise_not", "bitwise_xor", "logical_xor", "clone", "alias", "detach", "contiguous", "lift_fresh", "_to_copy",
    "any", "all",
}  # fmt: skip
"""Operations on booleans; other operations read booleans as ones and zeros."""

POINTWISE: dict[str, Lower] = {
    **{name: pointwise(name) for name in (*SAME_NAME, "neg", "abs", "mul", "atan")},
    **{name: pointwise(name) for name in ("minimum", "maximum", "lt", "le", "gt", "ge", "eq", "ne")},
    **{f"logical_{name}": _logical(f"logical_{name}", True) for name in ("and", "or", "not")},
    **{f"bitwise_{name}": _logical(f"logical_{name}", False) for name in ("and", "or", "not")},
    "add": _add("add"),
    "sub": _add("sub"),
    "rsub": _rsub,
    "pow": _pow,
    "sgn": pointwise("sign"),
    "reciprocal": formula(lambda b, n, x: b("div", n(1), x)),
    "square": formula(lambda b, n, x: b("mul", x, x)),
    "exp2": formula(lambda b, n, x: b("exp", b("mul", x, n(log(2))))),
    "log2": _scaled("log", 1 / log(2)),
    "log10": _scaled("log", 1 / log(10)),
    "tan": formula(lambda b, n, x: b("div", b("sin", x), b("cos", x))),
    "ceil": formula(lambda b, n, x: b("neg", b("floor", b("neg", x)))),
    "isnan": formula(lambda b, n, x: b("ne", x, x)),
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
    "index_put": _index_put,
    "clone": _same,
    "alias": _same,
    "detach": _detach,
    "lift_fresh": _same,
    "contiguous": _same,
    "_to_copy": _to_copy,
    "copy": lambda o, x, source, *_: (o.full(source[0], x[0].shape), x[1]),
    "fill": lambda o, x, number: (
        o.full(number[0], x[0].shape) if isinstance(number, tuple) else o.b.fill(float(number), x[0].shape),
        x[1],
    ),
    "zero": lambda o, x: (o.b.fill(0.0, x[0].shape), x[1]),
    "zeros": _make(0.0),
    "ones": _make(1.0),
    "full": _make(None),
    "zeros_like": _make(0.0),
    "ones_like": _make(1.0),
    "full_like": _make(None),
    "new_zeros": _new(0.0),
    "new_ones": _new(1.0),
    "new_full": _new(None),
}
