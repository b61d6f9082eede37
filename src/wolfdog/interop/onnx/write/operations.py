"""Table of ONNX equivalents of the compiler's operations."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....compiler.ir.operations import SPECIAL_FUNCTIONS
from ....compiler.ir.values import Value
from .graph import Graph
from .special_functions import special_function


@dataclass(frozen=True)
class Target:
    """Destination of a program: a graph, and the number of leading axes of batched values.

    There is one leading axis in a step, [B, ...], and two over a sequence, [T, B, ...].
    """

    graph: Graph
    lead: int

    def lead_of(self, value: Value) -> int:
        """Number of leading axes of a value."""
        return self.lead if value.type.batched else 0


Emit = Callable[..., str]


def _pointwise(op: str) -> Emit:
    return lambda target, value, *xs: target.graph(op, *_aligned(target, value, xs))


def _aligned(target: Target, value: Value, names: tuple[str, ...]) -> tuple[str, ...]:
    """Operands with the rank of the result: unit axes are inserted after the batch axes."""
    aligned = []
    for operand, name in zip(value.operands, names, strict=True):
        missing = len(value.shape) - len(operand.shape)
        if operand.type.batched and missing:
            axes = range(target.lead, target.lead + missing)
            name = target.graph("Unsqueeze", name, target.graph.integers(*axes))
        aligned.append(name)
    return tuple(aligned)


def _reshape(target: Target, value: Value, x: str) -> str:
    # In ONNX, 0 keeps the size of the axis.
    return target.graph("Reshape", x, target.graph.integers(*[0] * target.lead_of(value), *value.shape))


def _permute(target: Target, value: Value, x: str) -> str:
    lead = target.lead_of(value)
    order = [*range(lead), *(lead + axis for axis in value.attributes["order"])]
    return target.graph("Transpose", x, perm=order)


def _expand(target: Target, value: Value, x: str) -> str:
    # In ONNX, 1 keeps the size of the axis.
    return target.graph("Expand", x, target.graph.integers(*[1] * target.lead_of(value), *value.shape))


def _slice(target: Target, value: Value, x: str) -> str:
    g, a = target.graph, value.attributes
    return g("Slice", x, g.integers(a["start"]), g.integers(a["stop"]), g.integers(a["axis"]))


def _concat(target: Target, value: Value, *xs: str) -> str:
    g = target.graph
    batched = next((x for x, operand in zip(xs, value.operands, strict=True) if operand.type.batched), None)
    pieces = list(xs)
    for number, operand in enumerate(value.operands):
        if batched is not None and not operand.type.batched:  # a constant among batched values
            lead = g("Shape", batched, start=0, end=target.lead)
            shape = g("Concat", lead, g.integers(*operand.shape), axis=0)
            pieces[number] = g("Expand", xs[number], shape)
    return g("Concat", *pieces, axis=value.attributes["axis"])


def _reduce(op: str) -> Emit:
    return lambda target, value, x: target.graph(
        op, x, target.graph.integers(*value.attributes["axes"]), keepdims=1
    )


def _linear(target: Target, value: Value, *xws: str) -> str:
    g = target.graph
    total = ""
    for x, w in zip(xws[::2], xws[1::2], strict=True):
        product = g("MatMul", x, w)
        total = product if not total else g("Add", total, product)
    return total


def _heads(target: Target, value: Value, x: str, w: str) -> str:
    g = target.graph
    rows = g("Unsqueeze", x, g.integers(-2))  # [..., n, 1, K]
    return g("Squeeze", g("MatMul", rows, w), g.integers(-2))


def _log1p(target: Target, value: Value, x: str) -> str:
    """log(1 + x), which ONNX lacks: log(u) x / (u - 1) with u = 1 + x, in which the rounding of u cancels (Kahan)."""
    g = target.graph
    one = g.number(1.0)
    u = g("Add", one, x)
    plain = g("Log", u)
    rounded = g("Sub", u, one)
    unmoved = g("Equal", rounded, g.number(0.0))
    near = g("Mul", plain, g("Div", x, g("Where", unmoved, one, rounded)))
    near = g("Where", unmoved, x, near)
    return g("Where", g("Greater", x, one), plain, near)


def _expm1(target: Target, value: Value, x: str) -> str:
    """exp(x) - 1, which ONNX lacks: tanh(x / 2) (exp(x) + 1), without cancellation near 0."""
    g = target.graph
    half = g("Tanh", g("Mul", x, g.number(0.5)))
    return g("Mul", half, g("Add", g("Exp", x), g.number(1.0)))


def _special(function: str) -> Emit:
    return lambda target, value, x: special_function(
        target.graph, function, x, lambda of: _log1p(target, value, of)
    )


def _polygamma(target: Target, value: Value, x: str) -> str:
    return _special(f"polygamma{value.attributes['order']}")(target, value, x)


def _erfinv(target: Target, value: Value, y: str) -> str:
    """Inverse error function, which ONNX lacks: rational approximations and two steps of Newton's method."""
    g = target.graph
    one, size = g.number(1.0), g("Abs", y)

    def polynomial(z: str, coefficients: tuple[float, ...]) -> str:
        found = g.number(coefficients[0])
        for coefficient in coefficients[1:]:
            found = g("Add", g("Mul", found, z), g.number(coefficient))
        return found

    square = g("Mul", y, y)
    inner = g("Mul", y, polynomial(square, (-0.140543331, 0.914624893, -1.645349621, 0.886226899)))
    inner = g("Div", inner, polynomial(square, (0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0)))
    z = g("Sqrt", g("Neg", g("Log", g("Mul", g("Sub", one, size), g.number(0.5)))))
    outer = g("Mul", g("Sign", y), polynomial(z, (1.641345311, 3.429567803, -1.624906493, -1.970840454)))
    outer = g("Div", outer, polynomial(z, (1.637067800, 3.543889200, 1.0)))
    x = g("Where", g("LessOrEqual", size, g.number(0.7)), inner, outer)
    for _ in range(2):
        slope = g("Mul", g("Exp", g("Neg", g("Mul", x, x))), g.number(2 / math.sqrt(math.pi)))
        x = g("Sub", x, g("Div", g("Sub", g("Erf", x), y), slope))
    end = g("Div", y, g("Sub", one, size))  # an infinity of its sign
    return g("Where", g("Equal", size, one), end, x)


# ONNX has the next ones, but ONNX Runtime computes them in float32 alone.


def _asin(target: Target, value: Value, x: str) -> str:
    g = target.graph
    one = g.number(1.0)
    return g("Atan", g("Div", x, g("Sqrt", g("Mul", g("Sub", one, x), g("Add", one, x)))))


def _sinh(target: Target, value: Value, x: str) -> str:
    """Hyperbolic sine: 2 t / (1 - t^2) with t = tanh(x / 2) near 0, where the difference of exponentials cancels."""
    g = target.graph
    one, half = g.number(1.0), g.number(0.5)
    t = g("Tanh", g("Mul", x, half))
    near = g("Div", g("Mul", t, g.number(2.0)), g("Sub", one, g("Mul", t, t)))
    far = g("Mul", g("Sub", g("Exp", x), g("Exp", g("Neg", x))), half)
    return g("Where", g("Greater", g("Abs", x), one), far, near)


def _cosh(target: Target, value: Value, x: str) -> str:
    g = target.graph
    return g("Mul", g("Add", g("Exp", x), g("Exp", g("Neg", x))), g.number(0.5))


def _asinh(target: Target, value: Value, x: str) -> str:
    """Inverse hyperbolic sine: sign(x) log1p(a + a^2 / (1 + sqrt(a^2 + 1))) with a = |x|."""
    g = target.graph
    a, one = g("Abs", x), g.number(1.0)
    square = g("Mul", a, a)
    root = g("Add", one, g("Sqrt", g("Add", square, one)))
    return g("Mul", g("Sign", x), _log1p(target, value, g("Add", a, g("Div", square, root))))


def _acosh(target: Target, value: Value, x: str) -> str:
    g = target.graph
    one = g.number(1.0)
    root = g("Mul", g("Sqrt", g("Sub", x, one)), g("Sqrt", g("Add", x, one)))
    return g("Log", g("Add", x, root))


def _atanh(target: Target, value: Value, x: str) -> str:
    g = target.graph
    ratio = g("Div", g("Mul", x, g.number(2.0)), g("Sub", g.number(1.0), x))
    return g("Mul", g.number(0.5), _log1p(target, value, ratio))


def _hypot(target: Target, value: Value, *xs: str) -> str:
    """Length of (a, b), scaled so that squares neither overflow nor vanish."""
    g = target.graph
    a, b = (g("Abs", x) for x in _aligned(target, value, xs))
    large, small = g("Max", a, b), g("Min", a, b)
    ratio = g("Div", small, g("Where", g("Equal", large, g.number(0.0)), g.number(1.0), large))
    return g("Mul", large, g("Sqrt", g("Add", g("Mul", ratio, ratio), g.number(1.0))))


def _atan2(target: Target, value: Value, *xs: str) -> str:
    """Angle of the point (x, y): the arc tangent of y / x, and half a turn more on the left."""
    g = target.graph
    y, x = _aligned(target, value, xs)
    zero, half_turn = g.number(0.0), g.number(math.pi)
    left = g("Where", g("Less", y, zero), g("Neg", half_turn), half_turn)
    offset = g("Where", g("Less", x, zero), left, zero)
    origin = g("And", g("Equal", x, zero), g("Equal", y, zero))
    slope = g("Where", origin, zero, g("Div", y, g("Where", origin, g.number(1.0), x)))
    return g("Add", g("Atan", slope), offset)


def _copysign(target: Target, value: Value, *xs: str) -> str:
    g = target.graph
    a, b = _aligned(target, value, xs)
    zero, size = g.number(0.0), g("Abs", a)
    negative_zero = g("And", g("Equal", b, zero), g("Less", g("Reciprocal", b), zero))
    return g("Where", g("Or", g("Less", b, zero), negative_zero), g("Neg", size), size)


def _clamp(target: Target, value: Value, x: str) -> str:
    low, high = (
        "" if np.isinf(bound) else target.graph.number(bound)
        for bound in (value.attributes["low"], value.attributes["high"])
    )
    return target.graph("Clip", x, *([low, high] if high else [low] if low else []))


def _where(target: Target, value: Value, *xs: str) -> str:
    g = target.graph
    condition, a, b = _aligned(target, value, xs)
    if not value.type.boolean:
        return g("Where", condition, a, b)
    return g("Or", g("And", condition, a), g("And", g("Not", condition), b))


ONNX: dict[str, Emit] = {
    "input": lambda target, value: value.name,
    "fill": lambda target, value: target.graph.constant(
        np.full(value.shape, value.attributes["value"], target.graph.dtype)
    ),
    "reshape": _reshape,
    "permute": _permute,
    "expand": _expand,
    "slice": _slice,
    "concat": _concat,
    "sum": _reduce("ReduceSum"),
    "amax": _reduce("ReduceMax"),
    "linear": _linear,
    "heads": _heads,
    "neg": _pointwise("Neg"),
    "abs": _pointwise("Abs"),
    "sign": _pointwise("Sign"),
    "exp": _pointwise("Exp"),
    "log": _pointwise("Log"),
    "log1p": _log1p,
    "expm1": _expm1,
    "sqrt": _pointwise("Sqrt"),
    "rsqrt": lambda target, value, x: target.graph("Reciprocal", target.graph("Sqrt", x)),
    "tanh": _pointwise("Tanh"),
    "sigmoid": _pointwise("Sigmoid"),
    "relu": _pointwise("Relu"),
    "sin": _pointwise("Sin"),
    "cos": _pointwise("Cos"),
    "erf": _pointwise("Erf"),
    "floor": _pointwise("Floor"),
    "atan": _pointwise("Atan"),
    "asin": _asin,
    "acos": lambda target, value, x: target.graph(
        "Sub", target.graph.number(math.pi / 2), _asin(target, value, x)
    ),
    "sinh": _sinh,
    "cosh": _cosh,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "erfc": lambda target, value, x: target.graph("Sub", target.graph.number(1.0), target.graph("Erf", x)),
    "erfinv": _erfinv,
    "round": _pointwise("Round"),
    **{name: _special(name) for name in SPECIAL_FUNCTIONS},
    "polygamma": _polygamma,
    "detach": lambda target, value, x: x,
    "clamp": _clamp,
    "power": lambda target, value, x: target.graph(
        "Pow", x, target.graph.number(value.attributes["exponent"])
    ),
    "add": _pointwise("Add"),
    "sub": _pointwise("Sub"),
    "mul": _pointwise("Mul"),
    "div": _pointwise("Div"),
    "minimum": _pointwise("Min"),
    "maximum": _pointwise("Max"),
    "pow": _pointwise("Pow"),
    "fmod": lambda target, value, *xs: target.graph("Mod", *_aligned(target, value, xs), fmod=1),
    "hypot": _hypot,
    "atan2": _atan2,
    "copysign": _copysign,
    "lt": _pointwise("Less"),
    "le": _pointwise("LessOrEqual"),
    "gt": _pointwise("Greater"),
    "ge": _pointwise("GreaterOrEqual"),
    "eq": _pointwise("Equal"),
    "ne": lambda target, value, *xs: target.graph("Not", target.graph("Equal", *_aligned(target, value, xs))),
    "logical_and": _pointwise("And"),
    "logical_or": _pointwise("Or"),
    "logical_not": _pointwise("Not"),
    "where": _where,
}
"""For every operation: function of the target, the value and its operands' names, to the result's name in the graph."""
