"""Operands of products with narrow numbers: rows of float32 as digits of int8, or as pairs of bfloat16.

They are put into a room on the stack. For bfloat16 they are rounded to bfloat16; for int8 they become three digits of
base 256, which hold a number to 2^-24 of the largest of its row.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from .lower import Function
from .narrow_vectors import BFloat, VectorCode
from .simd import I1, I32, I64, POINTER, constant, declared, splat
from .target import Target

BLOCK = 512
"""Rows of a block of a panel, whose part of the operand the room holds."""

ROWS = {"int8": 2, "bfloat16": 6}
"""Rows of the largest dot tile."""

DIGITS = 3
"""Digits of an operand for int8."""

ROOM = {"int8": DIGITS * BLOCK + 64, "bfloat16": 2 * BLOCK}
"""Bytes of the room for one row of the operand; for int8 the unit of the lowest digit lies behind the digits."""

_LARGEST = (
    8_355_000.0  # below 127 * (65536 + 256 + 1), the largest number of three balanced digits, with rounding
)
_HALF = ir.IntType(16)
_SMALLEST_ROW, _LARGEST_ROW = 0x0DA24260, 0x7149F2CA  # bits of 1e-30 and 1e30


def digits_of_rows(target: Target) -> Function:
    """Function that puts a row of the operand into a room of digits.

    digits(a, length, room) is 1, or 0 where the row holds an infinity or NaN, or is too small or large for it.
    """
    lanes = target.lanes

    def digits(b: Any, a: Any, length: Any, room: Any) -> Any:
        tile = VectorCode(target, b)
        groups = b.sdiv(b.add(length, I64(lanes - 1)), I64(lanes))
        loaded = _masked_words(tile, a, length)
        positive = ir.Constant(tile.whole, [0x7FFFFFFF] * lanes)

        def larger(group: Any, most: list[Any]) -> list[Any]:
            here = b.and_(loaded(group), positive)
            return [b.select(b.icmp_signed(">", here, most[0]), here, most[0])]

        (most,) = tile.loop(I64(0), groups, [ir.Constant(tile.whole, [0] * lanes)], larger)
        bits = b.call(declared(b, f"llvm.vector.reduce.smax.v{lanes}i32", I32, [tile.whole]), [most])
        inside = b.and_(
            b.icmp_signed(">=", bits, I32(_SMALLEST_ROW)), b.icmp_signed("<=", bits, I32(_LARGEST_ROW))
        )
        zero = b.icmp_signed("==", bits, I32(0))
        top = splat(b, tile.type, b.bitcast(bits, tile.type.element))
        largest = constant(tile.type, _LARGEST)
        inverse = b.select(b.or_(zero, b.not_(inside)), constant(tile.type, 0.0), b.fdiv(largest, top))
        unit = b.fdiv(top, largest)
        place = b.inttoptr(b.add(room, I64(DIGITS * BLOCK)), POINTER)
        b.store(b.extract_element(unit, I32(0)), place, align=4)
        rint = declared(b, f"llvm.rint.{tile.type.suffix}", tile.type.llvm, [tile.type.llvm])
        middle = ir.Constant(tile.whole, [0x808080] * lanes)
        byte = ir.IntType(8)
        narrow = ir.VectorType(byte, lanes)

        def put(group: Any, _: list[Any]) -> list[Any]:
            value = b.fmul(b.bitcast(loaded(group), tile.type.llvm), inverse)
            whole = b.add(b.fptosi(b.call(rint, [value]), tile.whole), middle)
            for digit in range(DIGITS):
                shifted = b.lshr(whole, ir.Constant(tile.whole, [8 * digit] * lanes))
                base = b.inttoptr(b.add(room, I64(digit * BLOCK)), POINTER)
                to = b.gep(base, [b.mul(group, I64(lanes))], source_etype=byte)
                b.store(b.trunc(shifted, narrow), to, align=1)
            return []

        tile.loop(I64(0), groups, [], put)
        return b.zext(b.or_(zero, inside), I64)

    return digits


def pairs_of_columns(target: Target) -> Function:
    """Function that puts a row of the operand, rounded to bfloat16, into a room of pairs: pairs(a, length, room)."""
    lanes = target.lanes

    def pairs(b: Any, a: Any, length: Any, room: Any) -> None:
        tile = VectorCode(target, b)
        loaded = _masked_words(tile, a, length)

        def put(group: Any, _: list[Any]) -> list[Any]:
            halves = _rounded(tile, b.bitcast(loaded(group), tile.type.llvm))
            to = b.gep(b.inttoptr(room, POINTER), [b.mul(group, I64(lanes))], source_etype=_HALF)
            b.store(halves, to, align=2)
            return []

        tile.loop(I64(0), b.sdiv(b.add(length, I64(lanes - 1)), I64(lanes)), [], put)

    return pairs


def pair_of_rows(target: Target) -> Function:
    """Function pair(base, index, x, y) that stores vectors of float32, rounded to bfloat16, as words."""

    def pair(b: Any, base: Any, index: Any, x: Any, y: Any) -> None:
        tile = VectorCode(target, b)
        sixteen = ir.Constant(tile.whole, [16] * target.lanes)
        low, high = (b.zext(_rounded(tile, value), tile.whole) for value in (x, y))
        word = b.or_(low, b.shl(high, sixteen))
        b.store(word, b.gep(b.inttoptr(base, POINTER), [index], source_etype=I32), align=4)

    return pair


def _rounded(tile: VectorCode, value: Any) -> Any:
    """Bits of the nearest bfloat16 of each number, by the processor's instruction, in lanes of 16 bits.

    It takes numbers below the smallest normal one for zeros, as the dot product of pairs does.
    """
    b, lanes = tile.b, tile.target.lanes
    narrow = ir.VectorType(BFloat(), lanes)
    function = declared(b, "llvm.x86.avx512bf16.cvtneps2bf16.512", narrow, [tile.type.llvm])
    return b.bitcast(b.call(function, [value]), ir.VectorType(_HALF, lanes))


def _masked_words(tile: VectorCode, a: Any, length: Any) -> Callable[[Any], Any]:
    """Function of a group of lanes to the words of a row there, zeros behind its end."""
    b, lanes = tile.b, tile.target.lanes
    mask = ir.VectorType(I1, lanes)
    name = f"llvm.masked.load.v{lanes}i32.p0"
    function = declared(b, name, tile.whole, [POINTER, I32, mask, tile.whole])
    wide = ir.VectorType(I64, lanes)
    ids, zeros = ir.Constant(wide, list(range(lanes))), ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)

    def loaded(group: Any) -> Any:
        index = b.mul(group, I64(lanes))
        left = b.insert_element(ir.Constant(wide, ir.Undefined), b.sub(length, index), I32(0))
        first = b.icmp_signed("<", ids, b.shuffle_vector(left, left, zeros))
        place = b.gep(b.inttoptr(a, POINTER), [index], source_etype=I32)
        return b.call(function, [place, I32(4), first, ir.Constant(tile.whole, [0] * lanes)])

    return loaded


def space(size: int) -> Function:
    """Function that reserves the room on the stack, and returns its address."""

    def space(b: Any) -> Any:
        byte = ir.IntType(8)
        return b.ptrtoint(b.alloca(byte, size=I64(size)), I64)

    return space
