"""Vector code over narrow numbers: words of 32 bits that hold a run of them, as float32 and back, and loops.

A word holds four numbers of int8 or two of bfloat16 that are one behind the other in a column.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from .simd import I1, I32, I64, POINTER, constant, multiply_add, splat
from .target import Target


class BFloat(ir.Type):
    """LLVM's type of bfloat16, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash(BFloat)


class VectorCode:
    """Builder of vector code for a target: types, addresses, and the loop over the summed axis."""

    def __init__(self, target: Target, b: Any) -> None:
        self.target, self.b = target, b
        self.type = target.type
        self.whole = ir.VectorType(I32, target.lanes)

    def words(self, base: Any, index: Any) -> Any:
        """Vector of 32-bit words."""
        place = self.b.gep(self.b.inttoptr(base, POINTER), [index], source_etype=I32)
        return self.b.load(place, align=4, typ=self.whole)

    def spread_word(self, base: Any, index: Any) -> Any:
        """32-bit word in every lane."""
        b = self.b
        place = b.gep(b.inttoptr(base, POINTER), [index], source_etype=I32)
        one = b.insert_element(ir.Constant(self.whole, ir.Undefined), b.load(place, align=4, typ=I32), I32(0))
        zeros = ir.Constant(self.whole, [0] * self.target.lanes)
        return b.shuffle_vector(one, one, zeros)

    def spread(self, base: Any, index: Any) -> Any:
        """Float in every lane."""
        b = self.b
        place = b.gep(b.inttoptr(base, POINTER), [index], source_etype=self.type.element)
        return splat(b, self.type, b.load(place, align=4, typ=self.type.element))

    def floats(self, base: Any, index: Any) -> Any:
        """Vector of floats."""
        b = self.b
        place = b.gep(b.inttoptr(base, POINTER), [index], source_etype=self.type.element)
        return b.load(place, align=4, typ=self.type.llvm)

    def store(self, base: Any, ldc: Any, sums: list[Any], fresh: Any) -> None:
        """Store of the sums, row by row, or their addition to what is there."""
        b, vectors = self.b, self.target.vectors
        places = []
        for number in range(len(sums)):
            row, n = divmod(number, vectors)
            index = b.add(b.mul(ldc, I64(row)), I64(n * self.target.lanes))
            places.append(b.gep(b.inttoptr(base, POINTER), [index], source_etype=self.type.element))
        with b.if_else(b.trunc(fresh, I1)) as (new, more):
            with new:
                for place, value in zip(places, sums, strict=True):
                    b.store(value, place, align=4)
            with more:
                for place, value in zip(places, sums, strict=True):
                    b.store(b.fadd(b.load(place, align=4, typ=self.type.llvm), value), place, align=4)

    def loop(
        self, first: Any, end: Any, start: list[Any], body: Callable[[Any, list[Any]], list[Any]]
    ) -> list[Any]:
        """Values that a loop from `first` to `end` carries, after it; it may run not at all."""
        b = self.b
        begin = b.block
        check, inside, done = (b.append_basic_block(name) for name in ("check", "inside", "done"))
        b.branch(check)
        b.position_at_end(check)
        k = b.phi(I64)
        k.add_incoming(first, begin)
        carried = []
        for value in start:
            phi = b.phi(value.type)
            phi.add_incoming(value, begin)
            carried.append(phi)
        b.cbranch(b.icmp_signed("<", k, end), inside, done)
        b.position_at_end(inside)
        after = body(k, carried)
        k.add_incoming(b.add(k, I64(1)), b.block)
        for phi, value in zip(carried, after, strict=True):
            phi.add_incoming(value, b.block)
        b.branch(check)
        b.position_at_end(done)
        return carried

    def zeros(self, count: int) -> list[Any]:
        """Vectors of zeros."""
        return [constant(self.type, 0.0)] * count

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """x y + z."""
        return multiply_add(self.b, self.type, x, y, z)

    def shift(self, word: Any, up: Any, down: Any) -> Any:
        """Word shifted up, and down again with its sign."""
        lanes = self.target.lanes

        def every(amount: Any) -> Any:
            if isinstance(amount, int):
                return ir.Constant(self.whole, [amount] * lanes)
            one = self.b.insert_element(ir.Constant(self.whole, ir.Undefined), amount, I32(0))
            return self.b.shuffle_vector(one, one, ir.Constant(self.whole, [0] * lanes))

        return self.b.ashr(self.b.shl(word, every(up)), every(down))


def _int8(tile: VectorCode, word: Any, number: Any) -> Any:
    """Number of a run of int8 as float32: a constant, or one computed at run time."""
    up = 24 - 8 * number if isinstance(number, int) else tile.b.sub(I32(24), tile.b.mul(I32(8), number))
    return tile.b.sitofp(tile.shift(word, up, 24), tile.type.llvm)


def _bfloat16(tile: VectorCode, word: Any, number: Any) -> Any:
    """Number of a run of bfloat16 as float32."""
    b, lanes = tile.b, tile.target.lanes
    high = ir.Constant(tile.whole, [0xFFFF0000 - (1 << 32)] * lanes)
    sixteen = ir.Constant(tile.whole, [16] * lanes)
    if number == 1:
        bits = b.and_(word, high)
    elif number == 0:
        bits = b.shl(word, sixteen)
    else:
        bits = b.select(b.icmp_signed("==", number, I32(0)), b.shl(word, sixteen), b.and_(word, high))
    return b.bitcast(bits, tile.type.llvm)


WIDEN: dict[str, tuple[int, Callable[..., Any]]] = {"int8": (4, _int8), "bfloat16": (2, _bfloat16)}
"""Numbers in a run, and the function of a tile, a word and a number of the run to a vector of floats."""
