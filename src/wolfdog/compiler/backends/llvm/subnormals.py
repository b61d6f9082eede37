"""Subnormal numbers as zeros within kernels of gradients: processors of x86-64 are slow with them.

A gradient that vanishes over a long sequence falls below the smallest normal number (1.2e-38 in float32, 2.2e-308 in
float64). There each operation of a vector takes the processor about a hundred times as long, and the backward pass of
such a sequence about ten times. XLA and TensorFlow make zeros of them, too. Other processors are not slow with them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from llvmlite import ir

from ...ir.operations import OPERATIONS, Kind
from ...ir.program import Program
from ...ir.values import Value
from .simd import I32, I64, POINTER, declared

_ZEROS = 0x8040
"""Bits of the control register MXCSR by which subnormal results (0x8000) and operands (0x0040) are zeros."""

_SMOOTH = frozenset(
    {"neg", "detach", "exp", "expm1", "log1p", "tanh", "sigmoid", "sin", "cos", "erf", "atan", "sinh", "cosh", "asinh"}
    | {"add", "sub", "mul", "where", "sum"}
)  # fmt: skip
"""Functions whose results change by about as little as their operands, near zero."""

_MARKS = frozenset({"eq", "ne", "logical_and", "logical_or", "logical_not"})
"""Tests of marks, which are zeros and ones."""


def negligible(program: Program) -> bool:
    """Whether subnormal numbers can be zeros everywhere in a program, with results that differ by as little.

    A logarithm, a quotient, or a comparison, as in the derivative of relu, would tell them from zeros.

    Args:
        program: Program of a step.
    """
    return all(map(_keeps_small_changes_small, program.values()))


def _keeps_small_changes_small(value: Value) -> bool:
    if value.op in _MARKS:
        return all(_is_mark(operand) for operand in value.operands)
    moves = OPERATIONS[value.op].kind in (Kind.SOURCE, Kind.VIEW, Kind.CONCAT, Kind.PRODUCT)
    return moves or value.op in _SMOOTH


def _is_mark(value: Value) -> bool:
    if value.op == "input":
        return value.name == "reset"
    moves = OPERATIONS[value.op].kind in (Kind.VIEW, Kind.CONCAT)
    return value.op == "fill" or ((moves or value.op in _MARKS) and all(map(_is_mark, value.operands)))


def flushing(triple: str) -> Mapping[str, Callable[..., Any]]:
    """Functions of kernel source code: `flush()` makes zeros of subnormal numbers until `restore(mode)`.

    Args:
        triple: LLVM's name of the machine.

    Returns:
        The functions; both have no effect where the processor is not of x86-64.
    """
    if triple.startswith("x86_64"):
        return {"flush": _flush, "restore": _restore}
    return {"flush": lambda b: I64(0), "restore": lambda b, mode: None}


def _flush(b: Any) -> Any:
    """Mode before, which `_restore` takes."""
    place = b.alloca(I32)
    b.call(declared(b, "llvm.x86.sse.stmxcsr", ir.VoidType(), [POINTER]), [place])
    mode = b.load(place, typ=I32)
    _set(b, b.or_(mode, I32(_ZEROS)))
    return b.zext(mode, I64)


def _restore(b: Any, mode: Any) -> None:
    _set(b, b.trunc(mode, I32))


def _set(b: Any, mode: Any) -> None:
    place = b.alloca(I32)
    b.store(mode, place)
    b.call(declared(b, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [POINTER]), [place])
