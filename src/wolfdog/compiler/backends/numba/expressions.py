"""How kernels say the pointwise operations."""

from collections.abc import Callable

from ...ir.values import Value


def _infix(symbol: str) -> Callable[..., str]:
    return lambda v, a, b: f"{a} {symbol} {b}"


def _call(function: str) -> Callable[..., str]:
    return lambda v, *xs: f"{function}({', '.join(xs)})"


def literal(number: float) -> str:
    """A number as Python; kernels know `inf` and `nan`."""
    return repr(float(number))


def _clamp(v: Value, x: str) -> str:
    low, high = (literal(float(str(v.attributes[name]))) for name in ("low", "high"))
    return f"clamp({x}, number({low}), number({high}))"


EMIT: dict[str, Callable[..., str]] = {
    "neg": lambda v, x: f"-{x}",
    "abs": _call("absolute"),
    **{
        name: _call(name)
        for name in [
            "sign",
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
        ]
    },
    "atan": _call("atan"),
    "clamp": _clamp,
    "power": lambda v, x: f"power({x}, number({literal(float(str(v.attributes['exponent'])))}))",
    "add": _infix("+"),
    "sub": _infix("-"),
    "mul": _infix("*"),
    "div": _infix("/"),
    "minimum": _call("minimum"),
    "maximum": _call("maximum"),
    "pow": _call("power"),
    "lt": _infix("<"),
    "le": _infix("<="),
    "gt": _infix(">"),
    "ge": _infix(">="),
    "eq": _infix("=="),
    "ne": _infix("!="),
    "logical_and": _infix("&"),
    "logical_or": _infix("|"),
    "logical_not": lambda v, x: f"~{x}",
    "where": _call("where"),
}
"""For every pointwise operation: the value and its operands' names, to an expression over vectors."""

TAKES_FLOATS = frozenset(["add", "sub", "mul", "div", "lt", "le", "gt", "ge", "eq", "ne"])
"""Operations whose operators take a Python number beside a vector."""
