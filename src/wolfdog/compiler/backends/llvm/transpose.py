"""Transposition of square blocks in vector registers."""

from typing import Any

from llvmlite import ir

from .lower import Function
from .simd import I32, I64, POINTER, Lanes


def transpose(type_: Lanes) -> Function:
    """Function transpose(source, stride, goal, to) of a vector type.

    It reads rows `stride` elements apart and writes their columns as rows `to` elements apart.

    There are as many rows as lanes. In each of log2(lanes) rounds, rows h apart exchange the halves that lie h apart
    (Eklundh 1972, "A fast computer method for matrix transposing").
    """
    lanes, size = type_.count, type_.bits // 8

    def kernel(b: Any, source: Any, stride: Any, goal: Any, to: Any) -> None:
        def row(base: Any, apart: Any, number: int) -> Any:
            offset = b.mul(apart, I64(number))
            return b.gep(b.inttoptr(base, POINTER), [offset], source_etype=type_.element)

        rows = [b.load(row(source, stride, n), align=size, typ=type_.llvm) for n in range(lanes)]
        half = lanes // 2
        while half:
            low = [p if not p & half else lanes + p - half for p in range(lanes)]
            high = [p + half if not p & half else lanes + p for p in range(lanes)]
            masks = [ir.Constant(ir.VectorType(I32, lanes), indices) for indices in (low, high)]
            for n in range(lanes):
                if not n & half:
                    pair = rows[n], rows[n + half]
                    rows[n], rows[n + half] = (b.shuffle_vector(*pair, mask) for mask in masks)
            half //= 2
        for n, value in enumerate(rows):
            b.store(value, row(goal, to, n), align=size)

    return kernel
