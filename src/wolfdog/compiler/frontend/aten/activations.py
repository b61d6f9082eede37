"""Lowering of activation functions to formulas, with PyTorch's derivatives at kinks."""

from math import pi, sqrt
from typing import Any

from ...ir.values import Builder, Value
from .operands import Batched, Lower, Operands, formula


def _gelu(b: Builder, number: Any, x: Value, approximate: str = "none") -> Value:
    half = b("mul", x, number(0.5))
    if approximate == "tanh":
        inner = b("add", x, b("mul", number(0.044715), b("mul", x, b("mul", x, x))))
        return b("mul", half, b("add", number(1), b("tanh", b("mul", inner, number(sqrt(2 / pi))))))
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
    below = b("mul", below, number(alpha * scale))
    return b("where", b("le", x, number(0)), below, b("mul", x, number(scale)))


def _leaky_relu(b: Builder, number: Any, x: Value, slope: float = 0.01) -> Value:
    return b("where", b("gt", x, number(0)), x, b("mul", x, number(slope)))


def _hardsigmoid(b: Builder, number: Any, x: Value) -> Value:
    inside = b("logical_and", b("gt", x, number(-3)), b("lt", x, number(3)))
    ramp = b("add", b("mul", x, number(1 / 6)), number(0.5))
    outside = b("where", b("gt", x, number(0)), number(1), number(0))
    # what is not a number is on no side, and stays what it is
    return b("where", inside, ramp, b("where", b("eq", x, x), outside, x))


def _hardswish(b: Builder, number: Any, x: Value) -> Value:
    inside = b("logical_and", b("gt", x, number(-3)), b("lt", x, number(3)))
    safe = b("where", inside, x, number(0))  # an infinity times zero would be NaN in the derivative
    ramp = b("mul", safe, b("mul", b("add", safe, number(3)), number(1 / 6)))
    below = b("detach", b("mul", x, number(0)))
    return b("where", inside, ramp, b("where", b("le", x, number(-3)), below, x))


def _hardtanh(o: Operands, x: Batched, low: float = -1, high: float = 1) -> Batched:
    b, value = o.b, x[0]  # unlike clamp's, its derivative is zero at both bounds, and at NaN
    outside = b("where", b("ge", value, o.number(high)), o.number(high), b("detach", value))
    outside = b("where", b("le", value, o.number(low)), o.number(low), outside)
    inside = b("logical_and", b("gt", value, o.number(low)), b("lt", value, o.number(high)))
    return b("where", inside, value, outside), x[1]


def _log_sigmoid(o: Operands, x: Batched) -> list[Batched]:
    b, value = o.b, x[0]
    small = b("minimum", value, o.number(0))
    soft = b("log1p", b("exp", b("neg", b("abs", value))))
    return [(b("sub", small, soft), x[1])]


def _glu(o: Operands, x: Batched, dim: int = -1) -> Batched:
    axis = o.feature_axis(x, dim)
    half = x[0].shape[axis] // 2
    open_ = o.b("sigmoid", o.cut(x[0], axis, half, 2 * half))
    return o.b("mul", o.cut(x[0], axis, 0, half), open_), x[1]


ACTIVATIONS: dict[str, Lower] = {
    "silu": formula(lambda b, n, x: b("mul", x, b("sigmoid", x))),
    "gelu": formula(_gelu),
    "softplus": formula(_softplus),
    "elu": formula(_elu),
    "celu": formula(lambda b, n, x, alpha=1.0: _elu(b, n, x, alpha, 1, 1 / alpha)),
    "selu": formula(lambda b, n, x: _elu(b, n, x, 1.6732632423543772, 1.0507009873554805)),
    "leaky_relu": formula(_leaky_relu),
    "_prelu_kernel": formula(lambda b, n, x, w: b("where", b("gt", x, n(0)), x, b("mul", w, x))),
    "hardsigmoid": formula(_hardsigmoid),
    "hardswish": formula(_hardswish),
    "hardtanh": _hardtanh,
    "mish": formula(lambda b, n, x: b("mul", x, b("tanh", _softplus(b, n, x)))),
    "log_sigmoid_forward": _log_sigmoid,
    "threshold": formula(lambda b, n, x, t, v: b("where", b("le", x, n(t)), n(v), x)),
    "glu": _glu,
}
