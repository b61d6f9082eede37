"""Vector widths and register counts of the processor that kernels are compiled for."""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm


@dataclass(frozen=True)
class Target:
    """Widths for one processor and number format.

    Attributes:
        bits: Bits of a number, 32 or 64.
        lanes: Numbers in a vector.
        vectors: Vectors in a row of a panel of a packed matrix.
        rows: Rows of the largest register tile.
    """

    bits: int
    lanes: int
    vectors: int
    rows: int

    @property
    def panel(self) -> int:
        """Number of columns of a panel."""
        return self.lanes * self.vectors


@cache
def processor() -> tuple[str, str]:
    """Name and features of the processor, in LLVM's terms."""
    features = llvm.get_host_cpu_features()
    return llvm.get_host_cpu_name(), features.flatten()


@cache
def target(bits: int) -> Target:
    """Widths for this machine: 32 registers of 512 bits, 16 of 256 bits, or 32 of 128 bits as on ARM."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Target(bits, 512 // bits, 4, 6)
    if features.get("avx2") or features.get("avx"):
        return Target(bits, 256 // bits, 2, 6)
    return Target(bits, 128 // bits, 4, 4)
