"""Table of the operations of programs; every interpretation of a program is a table with the same keys.

A value of a program has a *feature shape*, which leaves the batch axis out, and is either batched (one value for every
example) or not (parameters and what is computed from them). Axes in attributes are counted from the end, so that a
program means the same over a batch `[B, ...]` and over a whole sequence `[T, B, ...]`.

Each interpretation covers the whole table, which a test checks: evaluation (ir/evaluate.py, the definition), printing
(ir/printer.py), differentiation (passes/vjp_rules.py), and code generation (backends/llvm/expressions.py for pointwise
operations, backends/llvm/emit.py for the rest). Export to ONNX has one more (interop/onnx/write/operations.py).
"""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Kind of an operation by its effect on the index space, which scheduling depends on."""

    SOURCE = "source"  # has no operands: an input, or a constant
    POINTWISE = "pointwise"  # element by element, with broadcasting
    VIEW = "view"  # the same numbers under other indices
    CONCAT = "concat"
    REDUCE = "reduce"  # sums or maxima over feature axes
    PRODUCT = "product"  # matrix products with an unbatched matrix


@dataclass(frozen=True)
class Operation:
    """Row of the table: name, kind, number of operands, names of attributes, and meaning."""

    name: str
    kind: Kind
    arity: int
    attributes: tuple[str, ...]
    meaning: str
    boolean: bool = False  # whether the result is true or false rather than a number


def _table() -> dict[str, Operation]:
    source, view, reduce, product = Kind.SOURCE, Kind.VIEW, Kind.REDUCE, Kind.PRODUCT
    rows = [
        Operation("input", source, 0, ("name", "role"), "what is handed in: an event, a state, a parameter"),
        Operation("fill", source, 0, ("value", "shape"), "one number everywhere"),
        Operation("reshape", view, 1, ("shape",), "the same numbers in row-major order under another shape"),
        Operation("permute", view, 1, ("order",), "feature axes in another order"),
        Operation("expand", view, 1, ("shape",), "axes of size one repeated"),
        Operation("slice", view, 1, ("axis", "start", "stop"), "a run of indices along one axis"),
        Operation("concat", Kind.CONCAT, -1, ("axis",), "operands one after another along an axis"),
        Operation("sum", reduce, 1, ("axes",), "the sum over axes, which stay with size one"),
        Operation("amax", reduce, 1, ("axes",), "the largest over axes, which stay with size one"),
        Operation(
            "linear",
            product,
            -1,
            (),
            "x W + x' W' + ... over the last axis: [..., K] and [K, N] give [..., N]",
        ),
        Operation("heads", product, 2, (), "a matrix for each head: [n, K] and [n, K, N] give [n, N]"),
    ]
    unary = {
        "neg": "-x", "abs": "|x|", "sign": "-1, 0 or 1", "exp": "e^x", "log": "natural logarithm",
        "log1p": "log(1 + x)", "expm1": "e^x - 1", "sqrt": "square root", "rsqrt": "1 / sqrt(x)",
        "tanh": "hyperbolic tangent", "sigmoid": "1 / (1 + e^-x)", "relu": "max(x, 0)", "sin": "sine",
        "cos": "cosine", "erf": "error function", "floor": "largest integer not above", "atan": "arc tangent",
        "asin": "arc sine", "acos": "arc cosine", "sinh": "hyperbolic sine", "cosh": "hyperbolic cosine",
        "asinh": "inverse hyperbolic sine", "acosh": "inverse hyperbolic cosine",
        "atanh": "inverse hyperbolic tangent", "erfc": "1 - erf(x)", "erfinv": "inverse of the error function",
        "round": "nearest integer, the even one at a tie",
        "detach": "x, through which no gradient flows",
    }  # fmt: skip
    rows += [Operation(name, Kind.POINTWISE, 1, (), meaning) for name, meaning in unary.items()]
    rows.append(Operation("clamp", Kind.POINTWISE, 1, ("low", "high"), "x kept between two numbers"))
    special = {
        "lgamma": "log |Gamma(x)|", "digamma": "derivative of lgamma", "i0": "Bessel function I_0",
        "i0e": "e^-|x| I_0(x)", "i1": "Bessel function I_1", "i1e": "e^-|x| I_1(x)", "erfcx": "e^(x^2) erfc(x)",
        "log_ndtr": "logarithm of the normal distribution's probability",
        "ndtri": "quantile of the normal distribution", "entr": "-x log(x)",
    }  # fmt: skip
    rows += [Operation(name, Kind.POINTWISE, 1, (), meaning) for name, meaning in special.items()]
    rows.append(
        Operation("polygamma", Kind.POINTWISE, 1, ("order",), "derivative of digamma of an order, 1 at least")
    )
    rows.append(Operation("power", Kind.POINTWISE, 1, ("exponent",), "x to a constant power"))
    binary = {
        "add": "a + b", "sub": "a - b", "mul": "a b", "div": "a / b", "minimum": "the smaller", "maximum": "the larger",
        "pow": "a to the power b", "fmod": "a - b trunc(a / b)", "hypot": "length of (a, b)",
        "atan2": "angle of the point (b, a)", "copysign": "|a| with the sign of b",
    }  # fmt: skip
    rows += [Operation(name, Kind.POINTWISE, 2, (), meaning) for name, meaning in binary.items()]
    tests = {"lt": "a < b", "le": "a <= b", "gt": "a > b", "ge": "a >= b", "eq": "a = b", "ne": "a != b"}
    tests |= {"logical_and": "both", "logical_or": "either"}
    rows += [Operation(name, Kind.POINTWISE, 2, (), meaning, boolean=True) for name, meaning in tests.items()]
    rows.append(Operation("logical_not", Kind.POINTWISE, 1, (), "the opposite", boolean=True))
    rows.append(Operation("where", Kind.POINTWISE, 3, (), "b where a holds, else c"))
    return {row.name: row for row in rows}


OPERATIONS = _table()
"""Operations by name."""

SAME_NAME = (
    "sign", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "tanh", "sigmoid", "relu", "sin", "cos", "erf", "floor",
    "asin", "acos", "sinh", "cosh", "asinh", "acosh", "atanh", "erfc", "erfinv", "round",
)  # fmt: skip
"""Functions of one number with the same name in PyTorch, ATen and kernels."""

SPECIAL_FUNCTIONS = ("lgamma", "digamma", "i0", "i0e", "i1", "i1e", "erfcx", "log_ndtr", "ndtri", "entr")
"""Functions of one number in `torch.special`; `lgamma` is called gammaln there."""

SAME_NAME_BINARY = ("fmod", "hypot", "atan2", "copysign")
"""Functions of two numbers with the same name in PyTorch, ATen and kernels."""

SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
}  # fmt: skip
"""Operations with a Python operator, which tensors and vectors of kernels share."""
