"""The processor that kernels are made for: how wide its vectors are, and how many it has."""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm


@dataclass(frozen=True)
class Target:
    """Widths for one processor and number format.

    bits     32 or 64, of one number
    lanes    numbers to a vector
    vectors  vectors to a panel of a packed matrix
    rows     of the largest register tile
    """

    bits: int
    lanes: int
    vectors: int
    rows: int

    @property
    def panel(self) -> int:
        """Columns of a panel."""
        return self.lanes * self.vectors


@cache
def processor() -> tuple[str, str]:
    """The processor's name and features, as LLVM knows them."""
    features = llvm.get_host_cpu_features()
    return llvm.get_host_cpu_name(), features.flatten()


@cache
def target(bits: int) -> Target:
    """The widths for this machine: 32 registers of 512 bits, 16 of 256, or as on ARM 32 of 128."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Target(bits, 512 // bits, 4, 6)
    if features.get("avx2") or features.get("avx"):
        return Target(bits, 256 // bits, 2, 6)
    return Target(bits, 128 // bits, 4, 4)
