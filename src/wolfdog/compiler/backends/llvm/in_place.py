"""Product of a few rows with a matrix that is read where it lies, for single steps and short sequences.

A matrix in panels is a copy, which is wrong as soon as someone writes to the parameter in a way that nobody can see.
Read in place, as a weight [N, K] of PyTorch lies, it is never stale: each row is multiplied with the operand, lane by
lane, and as many sums as a vector has lanes are added up in a tree of shuffles. The numbers of a matrix of bfloat16 or
float16 are widened as they are loaded.
"""

from array import array
from collections.abc import Callable, Mapping
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from ...fork_safety import once
from .build import Code, compiled_with
from .packing import padded
from .simd import I32, POINTER, Lanes, declared, multiply_add
from .target import Target, target
from .widening import widening

PAIRS = "widen_pairs"
"""Function that loads numbers of bfloat16, where whole vectors of pairs are loaded too."""


def readable(matrix: Tensor) -> bool:
    """Whether a matrix [K, N], or [n, K, N], lies so that this product reads it: its rows or columns side by side."""
    return matrix.dim() in (2, 3) and (matrix.stride(-2) == 1 or matrix.stride(-1) == 1)


def place_of(matrix: Tensor, bits: int) -> "array[int]":
    """Integers that stand for a matrix [K, N], or [n, K, N] with one for each head, in calls of this product.

    Args:
        matrix: The matrix.
        bits: Bits of a number of the operand and of the result.
    """
    aim = target(bits)
    apart = matrix.stride(0) * matrix.dtype.itemsize if matrix.dim() == 3 else 0
    panels = padded(matrix.shape[-1], aim.panel) // aim.panel
    return array("q", (matrix.data_ptr(), matrix.stride(-2), matrix.stride(-1), apart, panels))


@once
def in_place_code(bits: int, form: torch.dtype) -> Code:
    """Compiled product, called as that of panels; in the place of the panels it takes the address of five integers.

    It starts from the first column of a matrix. The integers are the matrix's address, its strides along K and along N,
    in numbers, the bytes between the matrices of two heads, and the panels that each would have.

    Args:
        bits: Bits of a number of the operand and of the result.
        form: Number format of the matrix: that of the operand, or with 32 bits torch.bfloat16 or torch.float16.
    """
    source, functions = in_place_source(target(bits), form)
    name = "in_place" if 8 * form.itemsize == bits else f"in_place_{str(form).removeprefix('torch.')}"
    return compiled_with(name, source, bits, 10, functions)


def in_place_source(target: Target, form: torch.dtype) -> tuple[str, Mapping[str, Callable[..., Any]]]:
    """Source code of the product, and the functions that it calls besides those of every kernel.

    Args:
        target: Widths.
        form: Number format of the matrix.
    """
    lanes, size = target.type, form.itemsize
    functions: dict[str, Callable[..., Any]] = {
        "fma": _fma(lanes),
        "sums": _sums(lanes),
        "prefetch": _prefetch(size),
    }
    if 8 * size == target.bits:
        return _source(target, size, "load"), functions
    load = PAIRS if form is torch.bfloat16 else "widen"
    return _source(target, size, load), {**functions, **widening(lanes, form, load)}


def _source(target: Target, wide: int, load: str) -> str:
    """Source code of the product.

    Args:
        target: Widths.
        wide: Bytes of a number of the matrix.
        load: Function that loads a vector of the matrix; with "_masked" behind it, one that loads its first lanes.
    """
    size, lanes = target.bits // 8, target.lanes
    lines = [
        "def kernel(a, lda, matrix, first, depth, c, ldc, width, rows, fresh):",
        "    w, along, across = field(matrix, 0), field(matrix, 1), field(matrix, 2)",
        "    w += first // field(matrix, 4) * field(matrix, 3)",
        f"    whole, left = depth // {lanes} * {lanes}, rows",
        "    of0, to0 = a, c",
    ]
    for count in (4, 2, 1):
        lines += [f"    while left >= {count}:", "        if along == 1:"]
        lines += _by_rows(size, lanes, count, wide, load)
        lines += ["        else:", *_by_columns(size, lanes, count, load)]
        lines += [
            f"        of0 += {count * size} * lda",
            f"        to0 += {count * size} * ldc",
            f"        left -= {count}",
        ]
    return "\n".join(lines) + "\n"


def _operands(size: int, count: int) -> list[str]:
    """Addresses of the following rows of the operand and of the result."""
    return [
        line
        for row in range(1, count)
        for line in (
            f"            of{row} = of0 + {row * size} * lda",
            f"            to{row} = to0 + {row * size} * ldc",
        )
    ]


def _by_rows(size: int, lanes: int, count: int, wide: int, load: str) -> list[str]:
    """Sums over K, lane by lane, for as many rows of the weight as a vector has lanes, a few of them at a time."""
    at_once = max(2, 8 // count)  # few streams through memory, and sums that fit the registers
    rows = range(count)
    lines = [*_operands(size, count), f"            for n in range(0, width, {lanes}):"]
    start = 0 if load != PAIRS else f"depth // {2 * lanes} * {2 * lanes}"
    for first in range(0, lanes, at_once):
        some = range(first, first + at_once)
        lines += [f"                w{j} = w + least(n + {j}, width - 1) * across * {wide}" for j in some]
        lines += [f"                s{j}_{r} = number(0.0)" for j in some for r in rows]
        if load == PAIRS:
            lines += _pairs(lanes, some, rows)
        for loop, vector in (
            (f"for k in range({start}, whole, {lanes}):", "{load}({of}, k)"),
            ("if whole < depth:", "{load}_masked({of}, whole, depth - whole)"),
        ):
            lines.append(f"                {loop}")
            lines += [f"                    x{r} = {vector.format(load='load', of=f'of{r}')}" for r in rows]
            for j in some:
                if count > 1 and loop.startswith("for"):  # the rows that come next
                    lines.append(f"                    prefetch(w{j} + {at_once * wide} * across, k)")
                lines.append(f"                    v = {vector.format(load=load, of=f'w{j}')}")
                lines += [f"                    s{j}_{r} = fma(x{r}, v, s{j}_{r})" for r in rows]
    for r in rows:
        sums = ", ".join(f"s{j}_{r}" for j in range(lanes))
        lines += [
            f"                found = sums({sums})",
            "                if fresh == 0:",
            f"                    found = found + load_masked(to{r}, n, width - n)",
            f"                store_masked(to{r}, n, width - n, found)",
        ]
    return lines


def _pairs(lanes: int, some: range, rows: range) -> list[str]:
    """Sums over the first numbers of K, a vector of words of two bfloat16 at a time: cheaper to widen than numbers."""
    lines = [f"                for k in range(0, depth // {2 * lanes} * {2 * lanes}, {2 * lanes}):"]
    for r in rows:
        lines += [
            f"                    a, b = load(of{r}, k), load(of{r}, k + {lanes})",
            f"                    x{r} = evens(a, b)",
            f"                    y{r} = odds(a, b)",
        ]
    for j in some:
        lines += [
            f"                    v = widen_evens(w{j}, k)",
            f"                    u = widen_odds(w{j}, k)",
            *(f"                    s{j}_{r} = fma(y{r}, u, fma(x{r}, v, s{j}_{r}))" for r in rows),
        ]
    return lines


def _by_columns(size: int, lanes: int, count: int, load: str) -> list[str]:
    """Sums over K for a few vectors of columns, each number of the operand in every lane."""
    vectors, rows = range(4), range(count)
    lines = [*_operands(size, count), f"            for n in range(0, width, {4 * lanes}):"]
    lines += [f"                s{j}_{r} = number(0.0)" for j in vectors for r in rows]
    lines += ["                for k in range(depth):", "                    at = k * along + n"]
    lines += [f"                    x{r} = load_one(of{r}, k)" for r in rows]
    for j in vectors:
        lines.append(f"                    v = {load}_masked(w, at + {j * lanes}, width - n - {j * lanes})")
        lines += [f"                    s{j}_{r} = fma(x{r}, v, s{j}_{r})" for r in rows]
    for r in rows:
        for j in vectors:
            place = f"to{r}, n + {j * lanes}, width - n - {j * lanes}"
            lines += [
                "                if fresh == 0:",
                f"                    s{j}_{r} = s{j}_{r} + load_masked({place})",
                f"                store_masked({place}, s{j}_{r})",
            ]
    return lines


def _fma(lanes: Lanes) -> Any:
    """x y + z."""
    return lambda b, *arguments: multiply_add(b, lanes, *arguments)


def _prefetch(wide: int) -> Any:
    """Bring a place that is read soon into the cache, by an index of numbers of so many bytes."""
    element = ir.IntType(8 * wide)

    def prefetch(b: Any, base: Any, index: Any) -> None:
        place = b.gep(b.inttoptr(base, POINTER), [index], source_etype=element)
        function = declared(b, "llvm.prefetch.p0", ir.VoidType(), [POINTER, I32, I32, I32])
        b.call(function, [place, I32(0), I32(3), I32(1)])

    return prefetch


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
