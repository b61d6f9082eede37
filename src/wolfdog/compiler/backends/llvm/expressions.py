"""Kernel source code of the pointwise operations."""

from collections.abc import Callable

from ...ir.operations import SAME_NAME, SAME_NAME_BINARY, SPECIAL_FUNCTIONS, SYMBOLS
from ...ir.values import Value


def _infix(symbol: str) -> Callable[..., str]:
    return lambda v, a, b: f"{a} {symbol} {b}"


def _call(function: str) -> Callable[..., str]:
    return lambda v, *xs: f"{function}({', '.join(xs)})"


def literal(number: float) -> str:
    """Number as a literal of kernel source code, `inf` and `nan` among them."""
    return repr(float(number))


def _clamp(v: Value, x: str) -> str:
    low, high = (literal(float(str(v.attributes[name]))) for name in ("low", "high"))
    return f"clamp({x}, number({low}), number({high}))"


EMIT: dict[str, Callable[..., str]] = {
    "neg": lambda v, x: f"-{x}",
    "abs": _call("absolute"),
    **{name: _call(name) for name in SAME_NAME},
    **{name: _call(name) for name in SPECIAL_FUNCTIONS},
    "polygamma": lambda v, x: f"polygamma{v.attributes['order']}({x})",
    "detach": lambda v, x: x,
    "atan": _call("atan"),
    "clamp": _clamp,
    "power": lambda v, x: f"power({x}, number({literal(float(str(v.attributes['exponent'])))}))",
    **{name: _infix(symbol) for name, symbol in SYMBOLS.items()},
    "minimum": _call("minimum"),
    "maximum": _call("maximum"),
    "pow": _call("power"),
    **{name: _call(name) for name in SAME_NAME_BINARY},
    "logical_and": _infix("&"),
    "logical_or": _infix("|"),
    "logical_not": lambda v, x: f"~{x}",
    "where": _call("where"),
}
"""For every pointwise operation: function of a value and its operands' names to an expression over vectors."""

TAKES_FLOATS = frozenset(SYMBOLS)
"""Operations whose operators accept a number literal beside a vector."""
