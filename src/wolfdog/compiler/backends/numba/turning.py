"""A square of numbers, turned in registers: rows become columns."""

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .vectors import I32, I64, Lanes


@cache
def turn(bits: int, lanes: int) -> Any:
    """turn(source, stride, goal, to): rows `stride` elements apart become columns, in rows `to` elements apart.

    There are as many rows as lanes. In each of log2(lanes) rounds, rows h apart exchange the halves that lie h apart
    (Eklundh 1972, "A fast computer method for matrix transposing").
    """
    type_ = Lanes(bits, lanes)
    vector, element = type_.llvm, type_.element

    @intrinsic
    def turned(typingctx: Any, source: Any, stride: Any, goal: Any, to: Any) -> Any:
        def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
            source, stride, goal, to = args

            def row(base: Any, apart: Any, number: int) -> Any:
                start = b.inttoptr(base, element.as_pointer())
                place = b.gep(start, [b.mul(apart, I64(number))], source_etype=element)
                return b.bitcast(place, vector.as_pointer())

            rows = [b.load(row(source, stride, n), align=bits // 8, typ=vector) for n in range(lanes)]
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
                b.store(value, row(goal, to, n), align=bits // 8)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 4), codegen

    return turned
