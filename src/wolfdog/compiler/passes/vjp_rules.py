"""Vector-Jacobian products of all operations: from the gradient of the result to those of the operands."""

from collections.abc import Callable
from math import pi, sqrt

from ..ir.values import Builder, Value

EPSILON = 2.220446049250313e-16
"""Distance of 1 from the next number in float64."""

Gradients = tuple[Value | None, ...]
Derivative = Callable[..., Gradients]


def _where(b: Builder, v: Value, g: Value, condition: Value, x: Value, y: Value) -> Gradients:
    zero = b.fill(0.0)
    return None, b("where", condition, g, zero), b("where", condition, zero, g)


def _extreme(loses: str) -> Derivative:
    """Derivative of minimum or maximum: equal operands share the gradient, as in PyTorch.

    `loses` is the comparison by which an operand has no gradient.
    """

    def derivative(b: Builder, v: Value, g: Value, x: Value, y: Value) -> Gradients:
        zero = b.fill(0.0)
        share = b("where", b("eq", x, y), b("mul", g, b.fill(0.5)), g)  # both have it where one is NaN
        return b("where", b(loses, x, y), zero, share), b("where", b(loses, y, x), zero, share)

    return derivative


def _clamp(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    inside = None
    for name, test, unbounded in (("low", "ge", float("-inf")), ("high", "le", float("inf"))):
        bound = float(str(v.attributes[name]))
        if bound != unbounded:
            holds = b(test, x, b.fill(bound))
            inside = holds if inside is None else b("logical_and", inside, holds)
    return (g if inside is None else b("where", inside, g, b.fill(0.0)),)


def _power(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    exponent = float(str(v.attributes["exponent"]))
    slope = b("mul", b.fill(exponent), b("power", x, exponent=exponent - 1))
    return (b("mul", g, slope),)


def _pow(b: Builder, v: Value, g: Value, x: Value, y: Value) -> Gradients:
    dx = b("mul", g, b("mul", y, b("pow", x, b("sub", y, b.fill(1.0)))))
    flat = b("logical_and", b("eq", x, b.fill(0.0)), b("ge", y, b.fill(0.0)))
    # the logarithm of a base of zero must stay finite where it is replaced
    slope = b("mul", v, b("log", b("where", flat, b.fill(1.0), x)))
    return b("where", b("eq", y, b.fill(0.0)), b.fill(0.0), dx), b(
        "where", flat, b.fill(0.0), b("mul", g, slope)
    )


def _whole_part(b: Builder, x: Value) -> Value:
    return b("mul", b("sign", x), b("floor", b("abs", x)))


def _atan2(b: Builder, v: Value, g: Value, y: Value, x: Value) -> Gradients:
    squares = b("add", _square(b, y), _square(b, x))
    inverse = b("where", b("eq", squares, b.fill(0.0)), b.fill(0.0), b("div", b.fill(1.0), squares))
    return b("mul", g, b("mul", x, inverse)), b("mul", g, b("neg", b("mul", y, inverse)))


def _copysign(b: Builder, v: Value, g: Value, x: Value, y: Value) -> Gradients:
    zero = b("eq", x, b.fill(0.0))
    ratio = b("where", zero, b.fill(0.0), b("div", v, b("where", zero, b.fill(1.0), x)))
    return b("mul", g, ratio), None


def _polygamma(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    return (b("mul", g, b("polygamma", x, order=int(str(v.attributes["order"])) + 1)),)


def _bessel(b: Builder, x: Value, slope: Callable[[Value], Value]) -> Value:
    """Derivative of i1 or i1e, a quotient by x whose limit at 0 is a half; PyTorch's at NaN is a half too."""
    apart = b("gt", b("abs", x), b.fill(EPSILON))
    return b("where", apart, slope(b("where", apart, x, b.fill(1.0))), b.fill(0.5))


def _i1(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    return (b("mul", g, _bessel(b, x, lambda at: b("sub", b("i0", at), b("div", v, at)))),)


def _i1e(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    def slope(at: Value) -> Value:
        return b("sub", b("i0e", at), b("mul", v, b("add", b("sign", at), b("div", b.fill(1.0), at))))

    return (b("mul", g, _bessel(b, x, slope)),)


def _log_ndtr(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    scaled = b("erfcx", b("mul", x, b.fill(-sqrt(0.5))))
    return (b("mul", b("div", g, scaled), b.fill(sqrt(2 / pi))),)


def _amax(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    largest = b("where", b("eq", x, v), b.fill(1.0), b.fill(0.0))
    count = b("sum", largest, axes=v.attributes["axes"])
    return (b("mul", largest, b("div", g, count)),)


def _permute(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    order = tuple(v.attributes["order"])
    return (b("permute", g, order=tuple(order.index(axis) for axis in range(len(order)))),)


def _expand(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
    axes = tuple(a for a in range(-len(x.shape), 0) if x.shape[a] != v.shape[a])
    return (b("sum", g, axes=axes),)


def _linear(b: Builder, v: Value, g: Value, *operands: Value) -> Gradients:
    grads: list[Value | None] = []
    for matrix in operands[1::2]:
        grads += [b("linear", g, b("permute", matrix, order=(1, 0))), None]
    return tuple(grads)


def _heads(b: Builder, v: Value, g: Value, x: Value, w: Value) -> Gradients:
    return b("heads", g, b("permute", w, order=(0, 2, 1))), None


def _slopes(slope: Callable[[Builder, Value, Value], Value]) -> Derivative:
    """Rule of a unary operation from its derivative, a function of the result and the operand."""

    def derivative(b: Builder, v: Value, g: Value, x: Value) -> Gradients:
        return (b("mul", g, slope(b, v, x)),)

    return derivative


def _none(b: Builder, v: Value, g: Value, *operands: Value) -> Gradients:
    return (None,) * len(operands)


def _square(b: Builder, x: Value) -> Value:
    return b("mul", x, x)


DIFFERENTIATE: dict[str, Derivative] = {
    "input": _none,
    "fill": _none,
    "reshape": lambda b, v, g, x: (b("reshape", g, shape=x.shape),),
    "permute": _permute,
    "expand": _expand,
    "slice": _none,  # slices of one value are put together by the adjoint itself
    "concat": _none,  # cut by the adjoint itself
    "sum": lambda b, v, g, x: (b("expand", g, shape=x.shape),),
    "amax": _amax,
    "linear": _linear,
    "heads": _heads,
    "neg": lambda b, v, g, x: (b("neg", g),),
    "abs": _slopes(lambda b, v, x: b("sign", x)),
    "sign": _none,
    "exp": _slopes(lambda b, v, x: v),
    "log": lambda b, v, g, x: (b("div", g, x),),
    "log1p": lambda b, v, g, x: (b("div", g, b("add", x, b.fill(1.0))),),
    "expm1": _slopes(lambda b, v, x: b("add", v, b.fill(1.0))),
    "sqrt": lambda b, v, g, x: (b("div", b("mul", g, b.fill(0.5)), v),),
    "rsqrt": _slopes(lambda b, v, x: b("mul", b.fill(-0.5), b("mul", v, _square(b, v)))),
    "tanh": _slopes(lambda b, v, x: b("sub", b.fill(1.0), _square(b, v))),
    "sigmoid": _slopes(lambda b, v, x: b("mul", v, b("sub", b.fill(1.0), v))),
    "relu": lambda b, v, g, x: (b("where", b("gt", v, b.fill(0.0)), g, b.fill(0.0)),),
    "sin": _slopes(lambda b, v, x: b("cos", x)),
    "cos": _slopes(lambda b, v, x: b("neg", b("sin", x))),
    "erf": _slopes(lambda b, v, x: b("mul", b.fill(2 / sqrt(pi)), b("exp", b("neg", _square(b, x))))),
    "floor": _none,
    "round": _none,
    "asin": _slopes(lambda b, v, x: b("rsqrt", b("sub", b.fill(1.0), _square(b, x)))),
    "acos": _slopes(lambda b, v, x: b("neg", b("rsqrt", b("sub", b.fill(1.0), _square(b, x))))),
    "sinh": _slopes(lambda b, v, x: b("cosh", x)),
    "cosh": _slopes(lambda b, v, x: b("sinh", x)),
    "asinh": _slopes(lambda b, v, x: b("rsqrt", b("add", _square(b, x), b.fill(1.0)))),
    "acosh": _slopes(lambda b, v, x: b("rsqrt", b("sub", _square(b, x), b.fill(1.0)))),
    "atanh": lambda b, v, g, x: (b("div", g, b("sub", b.fill(1.0), _square(b, x))),),
    "erfc": _slopes(lambda b, v, x: b("mul", b.fill(-2 / sqrt(pi)), b("exp", b("neg", _square(b, x))))),
    "erfinv": _slopes(lambda b, v, x: b("mul", b.fill(sqrt(pi) / 2), b("exp", _square(b, v)))),
    "lgamma": _slopes(lambda b, v, x: b("digamma", x)),
    "digamma": _slopes(lambda b, v, x: b("polygamma", x, order=1)),
    "polygamma": _polygamma,
    "i0": _slopes(lambda b, v, x: b("i1", x)),
    "i0e": _slopes(lambda b, v, x: b("sub", b("i1e", x), b("mul", b("sign", x), v))),
    "i1": _i1,
    "i1e": _i1e,
    "erfcx": _slopes(lambda b, v, x: b("sub", b("mul", b("mul", b.fill(2.0), x), v), b.fill(2 / sqrt(pi)))),
    "log_ndtr": _log_ndtr,
    "ndtri": _slopes(
        lambda b, v, x: b("mul", b.fill(sqrt(2 * pi)), b("exp", b("mul", b.fill(0.5), _square(b, v))))
    ),
    "entr": _slopes(lambda b, v, x: b("neg", b("add", b.fill(1.0), b("log", x)))),
    "atan": lambda b, v, g, x: (b("div", g, b("add", b.fill(1.0), _square(b, x))),),
    "detach": _none,
    "clamp": _clamp,
    "power": _power,
    "add": lambda b, v, g, x, y: (g, g),
    "sub": lambda b, v, g, x, y: (g, b("neg", g)),
    "mul": lambda b, v, g, x, y: (b("mul", g, y), b("mul", g, x)),
    "div": lambda b, v, g, x, y: (b("div", g, y), b("neg", b("mul", g, b("div", v, y)))),
    "minimum": _extreme("gt"),
    "maximum": _extreme("lt"),
    "pow": _pow,
    "fmod": lambda b, v, g, x, y: (g, b("neg", b("mul", g, _whole_part(b, b("div", x, y))))),
    "hypot": lambda b, v, g, x, y: (b("mul", g, b("div", x, v)), b("mul", g, b("div", y, v))),
    "atan2": _atan2,
    "copysign": _copysign,
    **dict.fromkeys(["lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_not"], _none),
    "where": _where,
}
"""For every operation: function of builder, value, gradient and operands to the operands' gradients or None."""
