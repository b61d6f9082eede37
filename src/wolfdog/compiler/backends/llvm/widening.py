"""Loads of vectors of bfloat16 and float16 as float32."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from llvmlite import ir

from .simd import I32, POINTER, Lanes, constant, declared, first_lanes

I16 = ir.IntType(16)


def widening(lanes: Lanes, form: torch.dtype, name: str = "widen") -> Mapping[str, Callable[..., Any]]:
    """Functions of kernel source code, with the given name at their start.

    `widen(base, index)` and `widen_masked(base, index, number)` load a contiguous vector, or its first lanes and zeros
    in the others. For bfloat16 there are `widen_evens(base, index)` and `widen_odds(base, index)`, which load every
    other number of two vectors, and `evens(x, y)` and `odds(x, y)`, which take these of two vectors of float32.
    Addresses are integers, and indices count numbers.

    Args:
        lanes: Type of the vectors of float32.
        form: torch.bfloat16 or torch.float16.
        name: Name of the loads.
    """
    narrow = ir.VectorType(I16, lanes.count)
    as_float = _from_bfloat16 if form is torch.bfloat16 else _from_float16

    def place(b: Any, base: Any, index: Any) -> Any:
        return b.gep(b.inttoptr(base, POINTER), [index], source_etype=I16)

    def widen(b: Any, base: Any, index: Any) -> Any:
        return as_float(b, lanes, b.load(place(b, base, index), align=2, typ=narrow))

    def widen_masked(b: Any, base: Any, index: Any, number: Any) -> Any:
        load = declared(
            b, f"llvm.masked.load.v{lanes.count}i16.p0", narrow, [POINTER, I32, lanes.mask, narrow]
        )
        zeros = ir.Constant(narrow, [0] * lanes.count)
        first = first_lanes(b, lanes, number)
        return as_float(b, lanes, b.call(load, [place(b, base, index), I32(2), first, zeros]))

    def widen_evens(b: Any, base: Any, index: Any) -> Any:
        words = b.load(place(b, base, index), align=2, typ=_words(lanes))
        return b.bitcast(b.shl(words, _every(lanes, 16)), lanes.llvm)

    def widen_odds(b: Any, base: Any, index: Any) -> Any:
        words = b.load(place(b, base, index), align=2, typ=_words(lanes))
        return b.bitcast(b.and_(words, _every(lanes, 0xFFFF0000)), lanes.llvm)

    loads: dict[str, Callable[..., Any]] = {name: widen, f"{name}_masked": widen_masked}
    if form is torch.bfloat16:
        loads |= {"widen_evens": widen_evens, "widen_odds": widen_odds}
        loads |= {"evens": _every_other(lanes, 0), "odds": _every_other(lanes, 1)}
    return loads


def _every_other(lanes: Lanes, first: int) -> Callable[..., Any]:
    """Function of two vectors to the lanes of every other number of both."""
    mask = ir.Constant(ir.VectorType(I32, lanes.count), list(range(first, 2 * lanes.count, 2)))
    return lambda b, x, y: b.shuffle_vector(x, y, mask)


def _words(lanes: Lanes) -> ir.VectorType:
    return ir.VectorType(I32, lanes.count)


def _every(lanes: Lanes, number: int) -> ir.Constant:
    return ir.Constant(_words(lanes), [number] * lanes.count)


def _from_bfloat16(b: Any, lanes: Lanes, narrow: Any) -> Any:
    """The upper half of a float32."""
    return b.bitcast(b.shl(b.zext(narrow, _words(lanes)), _every(lanes, 16)), lanes.llvm)


def _from_float16(b: Any, lanes: Lanes, narrow: Any) -> Any:
    """One instruction where the processor has it, as all with fused multiply-add have; whole numbers otherwise.

    The exponent and the fraction, shifted to their places, are the number times 2^-112. Infinity and NaN get the
    largest exponent.
    """
    if lanes.fused:
        halves = b.bitcast(narrow, ir.VectorType(ir.HalfType(), lanes.count))
        return b.fpext(halves, lanes.llvm)
    word = b.zext(narrow, _words(lanes))
    magnitude = b.shl(b.and_(word, _every(lanes, 0x7FFF)), _every(lanes, 13))
    scaled = b.fmul(b.bitcast(magnitude, lanes.llvm), constant(lanes, 2.0**112))
    special = b.icmp_unsigned(">=", magnitude, _every(lanes, 0x7C00 << 13))
    infinite = b.or_(magnitude, _every(lanes, 0x7F800000))
    bits = b.select(special, infinite, b.bitcast(scaled, _words(lanes)))
    sign = b.shl(b.and_(word, _every(lanes, 0x8000)), _every(lanes, 16))
    return b.bitcast(b.or_(bits, sign), lanes.llvm)
