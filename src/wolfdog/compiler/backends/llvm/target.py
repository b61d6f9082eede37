"""Vector widths and register counts of the processor that kernels are compiled for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from ....errors import InputError
from .simd import Lanes

VARIABLE = "WOLFDOG_TARGET"
"""Environment variable that limits the vectors that kernels use; it is read once."""

LIMITS = {"avx2": "x86-64-v3", "sse4.2": "x86-64-v2"}
"""Values of the variable, with LLVM's names of processors that have these vectors and no wider ones."""


@dataclass(frozen=True)
class Target:
    """Widths for one processor and number format.

    Attributes:
        bits: Bits of a number, 32 or 64.
        lanes: Numbers in a vector.
        vectors: Vectors in a row of a panel of a packed matrix.
        rows: Rows of the largest register tile.
        dots: Names of the processor's dot products of narrow numbers: "int8" (VPDPBUSD), "bfloat16" (VDPBF16PS).
        fused: Whether it multiplies and adds in one instruction.
    """

    bits: int
    lanes: int
    vectors: int
    rows: int
    dots: frozenset[str] = frozenset()
    fused: bool = True

    @property
    def type(self) -> Lanes:
        """Type of a vector."""
        return Lanes(self.bits, self.lanes, self.fused)

    @property
    def panel(self) -> int:
        """Number of columns of a panel."""
        return self.lanes * self.vectors


@cache
def processor() -> tuple[str, str]:
    """Name and features of the processor, in LLVM's terms, or of the one that WOLFDOG_TARGET names.

    Raises:
        InputError: The variable names no limit, or one of another kind of processor.
    """
    limit = os.environ.get(VARIABLE, "")
    if not limit:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    if limit not in LIMITS or not llvm.get_default_triple().startswith("x86_64"):
        raise InputError(
            f"{VARIABLE} must be one of {', '.join(map(repr, LIMITS))}, on a processor of x86-64, or unset; "
            f"got {limit!r}"
        )
    return LIMITS[limit], ""


@cache
def target(bits: int) -> Target:
    """Widths for this machine, or for the limit that WOLFDOG_TARGET sets."""
    limit = os.environ.get(VARIABLE, "")
    processor()  # checks the limit
    if limit:
        wide = limit == "avx2"
        return chosen(bits, {"avx2": wide, "fma": wide})
    return chosen(bits, llvm.get_host_cpu_features())


def chosen(bits: int, features: Mapping[str, bool]) -> Target:
    """Widths for a processor: 32 registers of 512 bits, 16 of 256 bits, or of 128 bits (16, and 32 on ARM).

    Args:
        bits: Bits of a number, 32 or 64.
        features: Features of the processor by LLVM's names.

    Examples:
        >>> chosen(32, {"avx2": True}).panel
        16
    """
    if features.get("avx512f"):
        named = {"int8": "avx512vnni", "bfloat16": "avx512bf16"}
        dots = frozenset(name for name, feature in named.items() if bits == 32 and features.get(feature))
        return Target(bits, 512 // bits, 4, 6, dots)
    fused = bool(features.get("fma") or features.get("neon"))
    if features.get("avx2") or features.get("avx"):
        return Target(bits, 256 // bits, 2, 6, fused=fused)
    return Target(bits, 128 // bits, 4 if features.get("neon") else 2, 4, fused=fused)
