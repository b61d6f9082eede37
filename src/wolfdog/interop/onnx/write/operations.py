"""The compiler's operations as ONNX's: one row for each, so that any cell that is traced can be exported."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....compiler.ir.values import Value
from .graph import Graph


@dataclass(frozen=True)
class Place:
    """Where a program is written to: the graph, and how many axes what is batched has before its features.

    One in a step, [B, ...]; two over a sequence, [T, B, ...].
    """

    graph: Graph
    lead: int

    def lead_of(self, value: Value) -> int:
        """How many axes a value has before its features."""
        return self.lead if value.type.batched else 0


Emit = Callable[..., str]


def _pointwise(op: str) -> Emit:
    return lambda at, value, *xs: at.graph(op, *_aligned(at, value, xs))


def _aligned(at: Place, value: Value, names: tuple[str, ...]) -> tuple[str, ...]:
    """Operands with so many feature axes as the result, where the batch's axes stand before them."""
    aligned = []
    for operand, name in zip(value.operands, names, strict=True):
        missing = len(value.shape) - len(operand.shape)
        if operand.type.batched and missing:
            axes = range(at.lead, at.lead + missing)
            name = at.graph("Unsqueeze", name, at.graph.integers(*axes))
        aligned.append(name)
    return tuple(aligned)


def _reshape(at: Place, value: Value, x: str) -> str:
    # in ONNX, 0 keeps the axis of that number as it is
    return at.graph("Reshape", x, at.graph.integers(*[0] * at.lead_of(value), *value.shape))


def _permute(at: Place, value: Value, x: str) -> str:
    lead = at.lead_of(value)
    order = [*range(lead), *(lead + axis for axis in value.attributes["order"])]
    return at.graph("Transpose", x, perm=order)


def _expand(at: Place, value: Value, x: str) -> str:
    # in ONNX, 1 leaves an axis as long as it is
    return at.graph("Expand", x, at.graph.integers(*[1] * at.lead_of(value), *value.shape))


def _slice(at: Place, value: Value, x: str) -> str:
    g, a = at.graph, value.attributes
    return g("Slice", x, g.integers(a["start"]), g.integers(a["stop"]), g.integers(a["axis"]))


def _concat(at: Place, value: Value, *xs: str) -> str:
    g = at.graph
    batched = next((x for x, operand in zip(xs, value.operands, strict=True) if operand.type.batched), None)
    pieces = list(xs)
    for number, operand in enumerate(value.operands):
        if batched is not None and not operand.type.batched:  # a constant, beside what has a batch
            lead = g("Shape", batched, start=0, end=at.lead)
            shape = g("Concat", lead, g.integers(*operand.shape), axis=0)
            pieces[number] = g("Expand", xs[number], shape)
    return g("Concat", *pieces, axis=value.attributes["axis"])


def _reduce(op: str) -> Emit:
    return lambda at, value, x: at.graph(op, x, at.graph.integers(*value.attributes["axes"]), keepdims=1)


def _linear(at: Place, value: Value, *xws: str) -> str:
    g = at.graph
    total = ""
    for x, w in zip(xws[::2], xws[1::2], strict=True):
        product = g("MatMul", x, w)
        total = product if not total else g("Add", total, product)
    return total


def _heads(at: Place, value: Value, x: str, w: str) -> str:
    g = at.graph
    rows = g("Unsqueeze", x, g.integers(-2))  # [..., n, 1, K]
    return g("Squeeze", g("MatMul", rows, w), g.integers(-2))


def _log1p(at: Place, value: Value, x: str) -> str:
    """ONNX has none: log(u) x / (u - 1) with u = 1 + x, in which the rounding of u cancels (Kahan)."""
    g = at.graph
    one = g.number(1.0)
    u = g("Add", one, x)
    plain = g("Log", u)
    rounded = g("Sub", u, one)
    unmoved = g("Equal", rounded, g.number(0.0))
    near = g("Mul", plain, g("Div", x, g("Where", unmoved, one, rounded)))
    near = g("Where", unmoved, x, near)
    return g("Where", g("Greater", x, one), plain, near)


def _expm1(at: Place, value: Value, x: str) -> str:
    """ONNX has none: tanh(x / 2) (e^x + 1), which does not cancel near 0."""
    g = at.graph
    half = g("Tanh", g("Mul", x, g.number(0.5)))
    return g("Mul", half, g("Add", g("Exp", x), g.number(1.0)))


def _clamp(at: Place, value: Value, x: str) -> str:
    low, high = (
        "" if np.isinf(bound) else at.graph.number(bound)
        for bound in (value.attributes["low"], value.attributes["high"])
    )
    return at.graph("Clip", x, *([low, high] if high else [low] if low else []))


def _where(at: Place, value: Value, *xs: str) -> str:
    g = at.graph
    condition, a, b = _aligned(at, value, xs)
    if not value.type.boolean:
        return g("Where", condition, a, b)
    return g("Or", g("And", condition, a), g("And", g("Not", condition), b))


ONNX: dict[str, Emit] = {
    "input": lambda at, value: value.name,
    "fill": lambda at, value: at.graph.constant(
        np.full(value.shape, value.attributes["value"], at.graph.dtype)
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
    "rsqrt": lambda at, value, x: at.graph("Reciprocal", at.graph("Sqrt", x)),
    "tanh": _pointwise("Tanh"),
    "sigmoid": _pointwise("Sigmoid"),
    "relu": _pointwise("Relu"),
    "sin": _pointwise("Sin"),
    "cos": _pointwise("Cos"),
    "erf": _pointwise("Erf"),
    "floor": _pointwise("Floor"),
    "atan": _pointwise("Atan"),
    "detach": lambda at, value, x: x,
    "clamp": _clamp,
    "power": lambda at, value, x: at.graph("Pow", x, at.graph.number(value.attributes["exponent"])),
    "add": _pointwise("Add"),
    "sub": _pointwise("Sub"),
    "mul": _pointwise("Mul"),
    "div": _pointwise("Div"),
    "minimum": _pointwise("Min"),
    "maximum": _pointwise("Max"),
    "pow": _pointwise("Pow"),
    "lt": _pointwise("Less"),
    "le": _pointwise("LessOrEqual"),
    "gt": _pointwise("Greater"),
    "ge": _pointwise("GreaterOrEqual"),
    "eq": _pointwise("Equal"),
    "ne": lambda at, value, *xs: at.graph("Not", at.graph("Equal", *_aligned(at, value, xs))),
    "logical_and": _pointwise("And"),
    "logical_or": _pointwise("Or"),
    "logical_not": _pointwise("Not"),
    "where": _where,
}
"""For every operation: the place, the value and its operands' names, to the name of the result in the graph."""
