"""Product of a few rows with a matrix that is read where it lies, for single steps.

A matrix in panels is a copy, which is wrong as soon as someone writes to the parameter in a way that nobody can see.
Read in place, as a weight [N, K] of PyTorch lies, it is never stale: each row is multiplied with the operand, lane by
lane, and as many sums as a vector has lanes are added up in a tree of shuffles.
"""

from functools import cache
from typing import Any

from llvmlite import ir
from torch import Tensor

from .build import Code, compiled_with
from .simd import I32, Lanes, declared
from .target import Target, target


def readable(matrix: Tensor) -> bool:
    """Whether a matrix [K, N] lies so that this product reads it: its rows or its columns side by side."""
    return matrix.dim() == 2 and (matrix.stride(0) == 1 or matrix.stride(1) == 1)


@cache
def in_place_code(bits: int) -> Code:
    """Compiled product, called as that of panels; in the place of the panels it takes the address of three integers.

    These are the matrix's address, and its strides along K and along N, in numbers.
    """
    aim = target(bits)
    lanes = Lanes(bits, aim.lanes)
    return compiled_with("in_place", _source(aim), bits, 9, {"fma": _fma(lanes), "sums": _sums(lanes)})


def _source(target: Target) -> str:
    size, lanes = target.bits // 8, target.lanes
    every = range(lanes)
    return "\n".join(
        [
            "def kernel(a, lda, matrix, depth, c, ldc, width, rows, fresh):",
            "    w, along, across = field(matrix, 0), field(matrix, 1), field(matrix, 2)",
            f"    whole = depth // {lanes} * {lanes}",
            "    if along == 1:",
            f"        for n in range(0, width, {lanes}):",
            *(f"            w{j} = w + least(n + {j}, width - 1) * across * {size}" for j in every),
            "            for r in range(rows):",
            f"                of, to = a + r * lda * {size}, c + r * ldc * {size}",
            *(f"                s{j} = number(0.0)" for j in every),
            f"                for k in range(0, whole, {lanes}):",
            "                    x = load(of, k)",
            *(f"                    s{j} = fma(x, load(w{j}, k), s{j})" for j in every),
            "                if whole < depth:",
            "                    x = load_masked(of, whole, depth - whole)",
            *(
                f"                    s{j} = fma(x, load_masked(w{j}, whole, depth - whole), s{j})"
                for j in every
            ),
            f"                found = sums({', '.join(f's{j}' for j in every)})",
            "                if fresh == 0:",
            "                    found = found + load_masked(to, n, width - n)",
            "                store_masked(to, n, width - n, found)",
            "    else:",
            f"        for n in range(0, width, {4 * lanes}):",
            "            for r in range(rows):",
            f"                of, to = a + r * lda * {size}, c + r * ldc * {size}",
            *(f"                s{j} = number(0.0)" for j in range(4)),
            "                for k in range(depth):",
            "                    x, at = load_one(of, k), k * along + n",
            *(
                f"                    s{j} = fma(x, load_masked(w, at + {j * lanes}, width - n - {j * lanes}), s{j})"
                for j in range(4)
            ),
            "                if fresh == 0:",
            *(
                f"                    s{j} = s{j} + load_masked(to, n + {j * lanes}, width - n - {j * lanes})"
                for j in range(4)
            ),
            *(
                f"                store_masked(to, n + {j * lanes}, width - n - {j * lanes}, s{j})"
                for j in range(4)
            ),
        ]
    )


def _fma(lanes: Lanes) -> Any:
    """x y + z, rounded once."""

    def fma(b: Any, *arguments: Any) -> Any:
        function = declared(b, f"llvm.fma.{lanes.suffix}", lanes.llvm, [lanes.llvm] * 3)
        return b.call(function, arguments)

    return fma


def _sums(lanes: Lanes) -> Any:
    """Of as many vectors as one has lanes, the sum of each, in one vector."""
    count = lanes.count
    masks = [ir.Constant(ir.VectorType(I32, count), list(range(first, 2 * count, 2))) for first in (0, 1)]

    def sums(b: Any, *vectors: Any) -> Any:
        level = list(vectors)
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=True)
            level = [b.fadd(*(b.shuffle_vector(one, two, mask) for mask in masks)) for one, two in pairs]
        return level[0]

    return sums
