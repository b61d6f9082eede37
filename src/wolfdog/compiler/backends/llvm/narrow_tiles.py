"""Register tiles over panels of narrow numbers: int8 with scales, and bfloat16.

Panels hold runs of numbers of a column side by side, four of int8 or two of bfloat16, so that a lane of 32 bits has a
run. Sums are float32. A *wide* tile widens the run to float32 and multiplies it with the operand as it is, on any
processor. A *dot* tile uses the processor's dot product of narrow numbers, for which the operand is put into a room
beside it first: for bfloat16 rounded to bfloat16, for int8 as three digits of base 256, which hold a number to 2^-24 of
the largest of its row. Sums of products of digits are whole numbers and exact.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from .lower import Function
from .simd import I1, I32, I64, POINTER, constant, declared, multiply_add, splat
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
_SMALLEST_ROW, _LARGEST_ROW = 0x0DA24260, 0x7149F2CA  # bits of 1e-30 and 1e30


class _BFloat(ir.Type):
    """LLVM's type of bfloat16, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


class _Tile:
    """Parts that all tiles share: types, addresses, and the loop over the summed axis."""

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


def _int8(tile: _Tile, word: Any, number: Any) -> Any:
    """Number of a run of int8 as float32: a constant, or one computed at run time."""
    up = 24 - 8 * number if isinstance(number, int) else tile.b.sub(I32(24), tile.b.mul(I32(8), number))
    return tile.b.sitofp(tile.shift(word, up, 24), tile.type.llvm)


def _bfloat16(tile: _Tile, word: Any, number: Any) -> Any:
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


_WIDEN: dict[str, tuple[int, Callable[..., Any]]] = {"int8": (4, _int8), "bfloat16": (2, _bfloat16)}
"""Numbers in a run, and the function of a tile, a word and a number of the run to a vector of floats."""


def make_wide(target: Target, name: str, rows: int) -> Function:
    """Function of a wide tile: C[rows, P] (+)= A[rows, K] panel[K, P], scaled by columns for int8."""
    run, widen = _WIDEN[name]
    vectors, lanes, panel = target.vectors, target.lanes, target.panel

    def wide(
        b: Any, a: Any, lda: Any, at: Any, depth: Any, scales: Any, c: Any, ldc: Any, fresh: Any
    ) -> None:
        tile = _Tile(target, b)
        of = [b.add(a, b.mul(lda, I64(4 * row))) for row in range(rows)]

        def add(sums: list[Any], words: list[Any], k: Any, number: Any) -> list[Any]:
            spread = [tile.spread(row, k) for row in of]
            after = list(sums)
            for n in range(vectors):
                weights = widen(tile, words[n], number)
                for row in range(rows):
                    after[row * vectors + n] = tile.fma(spread[row], weights, after[row * vectors + n])
            return after

        def loaded(group: Any) -> list[Any]:
            return [tile.words(at, b.add(b.mul(group, I64(panel)), I64(n * lanes))) for n in range(vectors)]

        def whole(group: Any, sums: list[Any]) -> list[Any]:
            words = loaded(group)
            for number in range(run):
                sums = add(sums, words, b.add(b.mul(group, I64(run)), I64(number)), number)
            return sums

        groups = b.sdiv(depth, I64(run))
        sums = tile.loop(I64(0), groups, tile.zeros(rows * vectors), whole)
        words = loaded  # the rest, less than a run

        def rest(k: Any, sums: list[Any]) -> list[Any]:
            return add(sums, words(groups), k, b.trunc(b.sub(k, b.mul(groups, I64(run))), I32))

        sums = tile.loop(b.mul(groups, I64(run)), depth, sums, rest)
        if name == "int8":
            by = [tile.floats(scales, I64(n * lanes)) for n in range(vectors)]
            sums = [b.fmul(value, by[number % vectors]) for number, value in enumerate(sums)]
        tile.store(c, ldc, sums, fresh)

    return wide


def make_int8_dot(target: Target, rows: int) -> Function:
    """Function of a dot tile of int8, whose operand is in a room of digits."""
    vectors, lanes, panel = target.vectors, target.lanes, target.panel

    def dot(
        b: Any, room: Any, at: Any, groups: Any, first: Any, scales: Any, c: Any, ldc: Any, fresh: Any
    ) -> None:
        tile = _Tile(target, b)
        function = declared(b, "llvm.x86.avx512.vpdpbusd.512", tile.whole, [tile.whole] * 3)
        # digits are stored with 128 added, so that they are not negative: sums start from -128 times those of weights
        begin = [tile.words(first, I64(n * lanes)) for _ in range(rows * DIGITS) for n in range(vectors)]

        def add(group: Any, sums: list[Any]) -> list[Any]:
            after = list(sums)
            words = [tile.words(at, b.add(b.mul(group, I64(panel)), I64(n * lanes))) for n in range(vectors)]
            for row in range(rows):
                for digit in range(DIGITS):
                    base = b.add(room, I64(row * ROOM["int8"] + digit * BLOCK))
                    spread = tile.spread_word(base, group)
                    for n in range(vectors):
                        number = (row * DIGITS + digit) * vectors + n
                        after[number] = b.call(function, [after[number], spread, words[n]])
            return after

        sums = tile.loop(I64(0), groups, begin, add)
        found = []
        for row in range(rows):
            unit = tile.spread(b.add(room, I64(row * ROOM["int8"] + DIGITS * BLOCK)), I64(0))
            for n in range(vectors):
                low, middle, high = (
                    b.sitofp(sums[(row * DIGITS + digit) * vectors + n], tile.type.llvm)
                    for digit in range(DIGITS)
                )
                total = tile.fma(middle, constant(tile.type, 256.0), low)
                total = tile.fma(high, constant(tile.type, 65536.0), total)
                found.append(b.fmul(total, b.fmul(unit, tile.floats(scales, I64(n * lanes)))))
        tile.store(c, ldc, found, fresh)

    return dot


def make_bfloat16_dot(target: Target, rows: int) -> Function:
    """Function of a dot tile of bfloat16, whose operand is in a room of pairs."""
    vectors, lanes, panel = target.vectors, target.lanes, target.panel

    def dot(b: Any, room: Any, at: Any, groups: Any, c: Any, ldc: Any, fresh: Any) -> None:
        tile = _Tile(target, b)
        function, narrow = _pair_product(tile)

        def add(group: Any, sums: list[Any]) -> list[Any]:
            after = list(sums)
            words = [
                b.bitcast(tile.words(at, b.add(b.mul(group, I64(panel)), I64(n * lanes))), narrow)
                for n in range(vectors)
            ]
            for row in range(rows):
                spread = tile.spread_word(b.add(room, I64(row * ROOM["bfloat16"])), group)
                for n in range(vectors):
                    number = row * vectors + n
                    after[number] = b.call(function, [after[number], b.bitcast(spread, narrow), words[n]])
            return after

        tile.store(c, ldc, tile.loop(I64(0), groups, tile.zeros(rows * vectors), add), fresh)

    return dot


def make_pair_tile(target: Target, rows: int) -> Function:
    """Function of a dot tile C[rows, P] (+)= A[K, rows]^T panel[K, P] over words that are pairs of bfloat16."""
    vectors, lanes, panel = target.vectors, target.lanes, target.panel

    def dot(b: Any, a: Any, lda: Any, at: Any, depth: Any, c: Any, ldc: Any, fresh: Any) -> None:
        tile = _Tile(target, b)
        function, narrow = _pair_product(tile)

        def add(group: Any, sums: list[Any]) -> list[Any]:
            after = list(sums)
            words = [
                b.bitcast(tile.words(at, b.add(b.mul(group, I64(panel)), I64(n * lanes))), narrow)
                for n in range(vectors)
            ]
            along = b.mul(group, lda)
            for row in range(rows):
                spread = b.bitcast(tile.spread_word(a, b.add(along, I64(row))), narrow)
                for n in range(vectors):
                    number = row * vectors + n
                    after[number] = b.call(function, [after[number], spread, words[n]])
            return after

        tile.store(c, ldc, tile.loop(I64(0), depth, tile.zeros(rows * vectors), add), fresh)

    return dot


def pair_of_rows(target: Target) -> Function:
    """Function pair(base, index, x, y) that stores vectors of float32, rounded to bfloat16, as words."""

    def pair(b: Any, base: Any, index: Any, x: Any, y: Any) -> None:
        tile = _Tile(target, b)
        sixteen = ir.Constant(tile.whole, [16] * target.lanes)
        word = b.or_(_rounded(tile, x), b.shl(_rounded(tile, y), sixteen))
        b.store(word, b.gep(b.inttoptr(base, POINTER), [index], source_etype=I32), align=4)

    return pair


def _pair_product(tile: _Tile) -> tuple[Any, ir.Type]:
    """The processor's dot product of pairs of bfloat16, and the type of its operands."""
    vector, narrow = tile.type.llvm, ir.VectorType(_BFloat(), 2 * tile.target.lanes)
    name = "llvm.x86.avx512bf16.dpbf16ps.512"
    return declared(tile.b, name, vector, [vector, narrow, narrow]), narrow


def _rounded(tile: _Tile, value: Any) -> Any:
    """Bits of the nearest bfloat16 of each number, in the lower half of its lane."""
    b, lanes = tile.b, tile.target.lanes

    def every(number: int) -> Any:
        return ir.Constant(tile.whole, [number] * lanes)

    bits = b.bitcast(value, tile.whole)
    odd = b.and_(b.lshr(bits, every(16)), every(1))
    rounded = b.lshr(b.add(bits, b.add(odd, every(0x7FFF))), every(16))
    return b.select(b.fcmp_unordered("uno", value, value), every(0x7FC0), rounded)


def _digits(target: Target) -> Function:
    """Function that puts a row of the operand into a room of digits.

    digits(a, length, room) is 1, or 0 where the row holds an infinity or NaN, or is too small or large for it.
    """
    lanes = target.lanes

    def digits(b: Any, a: Any, length: Any, room: Any) -> Any:
        tile = _Tile(target, b)
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


def _pairs(target: Target) -> Function:
    """Function that puts a row of the operand, rounded to bfloat16, into a room of pairs: pairs(a, length, room)."""
    lanes = target.lanes

    def pairs(b: Any, a: Any, length: Any, room: Any) -> None:
        tile = _Tile(target, b)
        loaded, half = _masked_words(tile, a, length), ir.IntType(16)
        narrow = ir.VectorType(half, lanes)

        def put(group: Any, _: list[Any]) -> list[Any]:
            rounded = _rounded(tile, b.bitcast(loaded(group), tile.type.llvm))
            to = b.gep(b.inttoptr(room, POINTER), [b.mul(group, I64(lanes))], source_etype=half)
            b.store(b.trunc(rounded, narrow), to, align=2)
            return []

        tile.loop(I64(0), b.sdiv(b.add(length, I64(lanes - 1)), I64(lanes)), [], put)

    return pairs


def _masked_words(tile: _Tile, a: Any, length: Any) -> Callable[[Any], Any]:
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


def _space(size: int) -> Function:
    """Function that reserves the room on the stack, and returns its address."""

    def space(b: Any) -> Any:
        byte = ir.IntType(8)
        return b.ptrtoint(b.alloca(byte, size=I64(size)), I64)

    return space


def narrow_tiles(target: Target) -> dict[str, Function]:
    """Tiles of narrow numbers, by the names that kernel source code uses."""
    found: dict[str, Function] = {}
    for name in _WIDEN:
        found |= {f"{name}_wide{rows}": make_wide(target, name, rows) for rows in range(1, target.rows + 1)}
    if "int8" in target.dots:
        found |= {f"int8_dot{rows}": make_int8_dot(target, rows) for rows in range(1, ROWS["int8"] + 1)}
        found["digits"] = _digits(target)
    if "bfloat16" in target.dots:
        found |= {
            f"bfloat16_dot{rows}": make_bfloat16_dot(target, rows) for rows in range(1, ROWS["bfloat16"] + 1)
        }
        found["pairs"] = _pairs(target)
    found["space"] = _space(max(ROWS[name] * ROOM[name] for name in ROWS))
    return found
