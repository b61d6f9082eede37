"""Lowering of special functions, roundings and tests for infinities to formulas.

Each formula has PyTorch's values and derivatives at infinities, NaN and points where the function is not smooth.
"""

from math import inf, log, nan, pi
from typing import Any

from ...errors import Refusal
from ...ir.operations import SAME_NAME_BINARY, SPECIAL_FUNCTIONS
from ...ir.special_functions import ORDERS
from ...ir.values import Builder, Value
from .operands import Batched, Lower, Operands, formula, pointwise


def _trunc(b: Builder, number: Any, x: Value) -> Value:
    return b("mul", b("sign", x), b("floor", b("abs", x)))


def _round(b: Builder, number: Any, x: Value, *, decimals: int = 0) -> Value:
    if decimals == 0:
        return b("round", x)
    scale = number(10.0 ** abs(decimals))
    there, back = ("mul", "div") if decimals > 0 else ("div", "mul")
    return b(back, b("round", b(there, x, scale)), scale)


def _sinc(b: Builder, number: Any, x: Value) -> Value:
    zero = b("eq", x, number(0))
    angle = b("mul", b("where", zero, number(1), x), number(pi))
    return b("where", zero, number(1), b("div", b("sin", angle), angle))


def _nan_to_num(
    o: Operands,
    x: Batched,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Batched:
    largest = o.largest
    value, axis = x
    value = o.b("where", o.b("ne", value, value), o.number(nan or 0.0), value)
    for infinity, given, usual in ((inf, posinf, largest), (-inf, neginf, -largest)):
        number = o.number(usual if given is None else given)
        value = o.b("where", o.b("eq", value, o.number(infinity)), number, value)
    return value, axis


def _logit(b: Builder, number: Any, x: Value, eps: float | None = None) -> Value:
    if eps is not None:
        x = b("clamp", x, low=float(eps), high=1 - float(eps))
    else:  # outside of 0 to 1, the derivative is NaN like the value
        inside = b("logical_and", b("ge", x, number(0)), b("le", x, number(1)))
        x = b("mul", x, b("where", inside, number(1), number(nan)))
    return b("sub", b("log", x), b("log1p", b("neg", x)))


def _times_log(function: str, pole: float) -> Lower:
    """Lowering of x log(y), which is 0 where x is 0 and y is at or below the pole."""

    def lower(o: Operands, a: Any, b: Any) -> Batched:
        (x, y), axis = o.align(a, b)
        low = o.b("le", y, o.number(pole))
        zero = o.b("logical_and", o.b("eq", x, o.number(0)), low)
        product = o.b("mul", x, o.b(function, o.b("where", zero, o.number(1), y)))
        return o.b("where", zero, o.number(0), product), axis

    return lower


def _logaddexp(b: Builder, number: Any, x: Value, y: Value) -> Value:
    """Logarithm of a sum, log(e^x + e^y) = max + log1p(e^-|x - y|)."""
    equal = b("eq", x, y)  # among them infinities, whose difference is NaN
    apart = b("where", equal, number(0), b("sub", x, y))
    return b("add", b("maximum", x, y), b("log1p", b("exp", b("neg", b("abs", apart)))))


def _logaddexp2(b: Builder, number: Any, x: Value, y: Value) -> Value:
    scaled = [b("mul", value, number(log(2))) for value in (x, y)]
    return b("mul", _logaddexp(b, number, *scaled), number(1 / log(2)))


def _polygamma(o: Operands, order: int, x: Batched) -> Batched:
    value, axis = x
    if order == 0:
        return o.b("digamma", value), axis
    if not 0 < order < ORDERS[-1]:  # the derivative has the next order
        raise Refusal(
            f"polygamma of order {order}, of which there are kernels up to {ORDERS[-1] - 1} {o.b.where}"
        )
    return o.b("polygamma", value, order=order), axis


def _mvlgamma(b: Builder, number: Any, x: Value, p: int) -> Value:
    """Multivariate log-gamma function, a sum of lgamma(x - j / 2) for j < p."""
    total = number(p * (p - 1) / 4 * log(pi))
    for j in range(p):
        total = b("add", total, b("lgamma", b("sub", x, number(j / 2)) if j else x))
    return total


def _angle(b: Builder, number: Any, x: Value) -> Value:
    return b("detach", b("where", b("lt", x, number(0)), number(pi), b("where", b("eq", x, x), number(0), x)))


def _extreme(b: Builder, op: str, x: Value, y: Value) -> Value:
    """Maximum or minimum that ignores NaN in one operand."""
    test = "ge" if op == "maximum" else "le"
    takes_x = b("logical_or", b(test, x, y), b("ne", y, y))
    return b("where", takes_x, x, y)


def _remainder(o: Operands, a: Any, b: Any) -> Batched:
    """Remainder with the sign of the divisor."""
    (x, y), axis = o.align(a, b)
    rest, zero = o.b("fmod", x, y), o.number(0)
    apart = o.b("ne", o.b("where", o.b("lt", y, zero), o.number(1), zero), _negative(o, rest))
    moved = o.b("logical_and", o.b("ne", rest, zero), apart)
    return o.b("where", moved, o.b("add", rest, y), rest), axis


def _div(o: Operands, a: Any, b: Any, rounding_mode: str | None = None) -> Batched:
    """Quotient; rounded towards zero or down, it has no derivative."""
    (x, y), axis = o.align(a, b)
    quotient = o.b("div", x, y)
    if rounding_mode is None:
        return quotient, axis
    if rounding_mode == "trunc":
        return o.b("detach", _trunc(o.b, o.number, quotient)), axis
    rest, zero, one = o.b("fmod", x, y), o.number(0), o.number(1)
    exact = o.b("div", o.b("sub", x, rest), y)  # an integer, but for rounding
    apart = o.b("ne", _negative(o, y), _negative(o, rest))
    below = o.b("logical_and", o.b("ne", rest, zero), apart)
    exact = o.b("where", below, o.b("sub", exact, one), exact)
    whole = o.b("floor", exact)
    whole = o.b("where", o.b("gt", o.b("sub", exact, whole), o.number(0.5)), o.b("add", whole, one), whole)
    whole = o.b("where", o.b("eq", exact, zero), o.b("copysign", zero, quotient), whole)
    return o.b("detach", o.b("where", o.b("eq", y, zero), quotient, whole)), axis


def _floor_divide(o: Operands, a: Any, b: Any) -> Batched:
    return _div(o, a, b, "floor")


def _negative(o: Operands, x: Value) -> Value:
    return o.b("where", o.b("lt", x, o.number(0)), o.number(1), o.number(0))


def _logical_xor(o: Operands, a: Any, b: Any) -> Batched:
    values, axis = o.align(a, b)
    x, y = (v if v.type.boolean else o.b("ne", v, o.number(0)) for v in values)
    return o.b("where", x, o.b("logical_not", y), y), axis


def _bitwise_xor(o: Operands, a: Any, b: Any) -> Batched:
    if not all(isinstance(x, tuple) and x[0].type.boolean for x in (a, b)):
        raise Refusal(f"an operation on the bits of numbers {o.b.where}")
    return _logical_xor(o, a, b)


def _ldexp(o: Operands, a: Any, b: Any) -> Batched:
    (x, y), axis = o.align(a, b)
    return o.b("mul", x, o.b("pow", o.number(2), y)), axis


def _hardshrink(b: Builder, number: Any, x: Value, bound: float = 0.5) -> Value:
    size = b("abs", x)  # of NaN, the derivative is zero
    inside = b("where", b("le", size, number(bound)), number(0), b("detach", x))
    return b("where", b("gt", size, number(bound)), x, inside)


def _softshrink(b: Builder, number: Any, x: Value, bound: float = 0.5) -> Value:
    inside = b("where", b("lt", x, number(-bound)), b("add", x, number(bound)), b("mul", x, number(0)))
    return b("where", b("gt", x, number(bound)), b("sub", x, number(bound)), inside)


SPECIAL: dict[str, Lower] = {
    "trunc": formula(_trunc),
    "fix": formula(_trunc),
    "frac": formula(lambda b, n, x: b("sub", x, _trunc(b, n, x))),
    "round": formula(_round),
    "sinc": formula(_sinc),
    "nan_to_num": _nan_to_num,
    "positive": lambda o, x: x,
    "logit": formula(_logit),
    "xlogy": _times_log("log", 0.0),
    "special_xlog1py": _times_log("log1p", -1.0),
    **{name: pointwise(name) for name in SAME_NAME_BINARY},
    "logaddexp": formula(_logaddexp),
    "logaddexp2": formula(_logaddexp2),
    "fmax": formula(lambda b, n, x, y: _extreme(b, "maximum", x, y)),
    "fmin": formula(lambda b, n, x, y: _extreme(b, "minimum", x, y)),
    "heaviside": formula(
        lambda b, n, x, y: b("where", b("eq", x, n(0)), y, b("where", b("gt", x, n(0)), n(1), n(0)))
    ),
    "isfinite": formula(lambda b, n, x: b("lt", b("abs", x), n(inf))),
    "isinf": formula(lambda b, n, x: b("eq", b("abs", x), n(inf))),
    "isposinf": formula(lambda b, n, x: b("eq", x, n(inf))),
    "isneginf": formula(lambda b, n, x: b("eq", x, n(-inf))),
    "remainder": _remainder,
    "div": _div,
    "floor_divide": _floor_divide,
    "logical_xor": _logical_xor,
    "bitwise_xor": _bitwise_xor,
    "ldexp": _ldexp,
    "signbit": formula(lambda b, n, x: b("lt", b("copysign", n(1), x), n(0))),
    "hardshrink": formula(_hardshrink),
    "softshrink": formula(_softshrink),
    **{f"special_{name}": pointwise(name) for name in SPECIAL_FUNCTIONS},
    **{name: pointwise(name) for name in ("lgamma", "digamma", "i0")},
    "polygamma": _polygamma,
    "mvlgamma": formula(_mvlgamma),
    "angle": formula(_angle),
    "rad2deg": formula(lambda b, n, x: b("mul", x, n(180 / pi))),
    "deg2rad": formula(lambda b, n, x: b("mul", x, n(pi / 180))),
}
