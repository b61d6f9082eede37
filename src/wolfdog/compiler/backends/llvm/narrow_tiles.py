"""Register tiles over panels of narrow numbers: int8 with scales, and bfloat16.

Panels hold runs of numbers of a column side by side, so that a lane of 32 bits has a run. Sums are float32. A *wide*
tile widens the run to float32 and multiplies it with the operand as it is, on any processor. A *dot* tile uses the
processor's dot product of narrow numbers, for which the operand is put into a room beside it first. Sums of products of
digits are whole numbers and exact.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from .lower import Function
from .narrow_operands import BLOCK, DIGITS, ROOM, ROWS, digits_of_rows, pairs_of_columns, space
from .narrow_vectors import WIDEN, BFloat, VectorCode
from .simd import I32, I64, constant, declared
from .target import Target


def make_wide(target: Target, name: str, rows: int) -> Function:
    """Function of a wide tile: C[rows, P] (+)= A[rows, K] panel[K, P], scaled by columns for int8."""
    run, widen = WIDEN[name]
    vectors, lanes, panel = target.vectors, target.lanes, target.panel

    def wide(
        b: Any, a: Any, lda: Any, at: Any, depth: Any, scales: Any, c: Any, ldc: Any, fresh: Any
    ) -> None:
        tile = VectorCode(target, b)
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
        tile = VectorCode(target, b)
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

    def dot(b: Any, room: Any, at: Any, groups: Any, c: Any, ldc: Any, fresh: Any) -> None:
        tile = VectorCode(target, b)

        def word(group: Any, row: int) -> Any:
            return tile.spread_word(b.add(room, I64(row * ROOM["bfloat16"])), group)

        tile.store(c, ldc, _sums_of_pairs(tile, rows, at, groups, word), fresh)

    return dot


def make_pair_tile(target: Target, rows: int) -> Function:
    """Function of a dot tile C[rows, P] (+)= A[K, rows]^T panel[K, P] over words that are pairs of bfloat16."""

    def dot(b: Any, a: Any, lda: Any, at: Any, depth: Any, c: Any, ldc: Any, fresh: Any) -> None:
        tile = VectorCode(target, b)

        def word(group: Any, row: int) -> Any:
            return tile.spread_word(a, b.add(b.mul(group, lda), I64(row)))

        tile.store(c, ldc, _sums_of_pairs(tile, rows, at, depth, word), fresh)

    return dot


def _sums_of_pairs(
    tile: VectorCode, rows: int, at: Any, groups: Any, word: Callable[[Any, int], Any]
) -> list[Any]:
    """Sums over the groups of a panel by the processor's dot product of pairs of bfloat16.

    Args:
        tile: Builder of vector code.
        rows: Rows of the tile.
        at: Address of the panel.
        groups: Number of groups.
        word: Function of a group and a row to the pair of the operand there, in every lane.
    """
    b, target = tile.b, tile.target
    vectors, lanes, panel = target.vectors, target.lanes, target.panel
    vector, narrow = tile.type.llvm, ir.VectorType(BFloat(), 2 * lanes)
    function = declared(b, "llvm.x86.avx512bf16.dpbf16ps.512", vector, [vector, narrow, narrow])

    def add(group: Any, sums: list[Any]) -> list[Any]:
        after = list(sums)
        words = [
            b.bitcast(tile.words(at, b.add(b.mul(group, I64(panel)), I64(n * lanes))), narrow)
            for n in range(vectors)
        ]
        for row in range(rows):
            pair = b.bitcast(word(group, row), narrow)
            for n in range(vectors):
                number = row * vectors + n
                after[number] = b.call(function, [after[number], pair, words[n]])
        return after

    return tile.loop(I64(0), groups, tile.zeros(rows * vectors), add)


def narrow_tiles(target: Target) -> dict[str, Function]:
    """Tiles of narrow numbers, by the names that kernel source code uses."""
    found: dict[str, Function] = {}
    for name in WIDEN:
        found |= {f"{name}_wide{rows}": make_wide(target, name, rows) for rows in range(1, target.rows + 1)}
    if "int8" in target.dots:
        found |= {f"int8_dot{rows}": make_int8_dot(target, rows) for rows in range(1, ROWS["int8"] + 1)}
        found["digits"] = digits_of_rows(target)
    if "bfloat16" in target.dots:
        found |= {
            f"bfloat16_dot{rows}": make_bfloat16_dot(target, rows) for rows in range(1, ROWS["bfloat16"] + 1)
        }
        found["pairs"] = pairs_of_columns(target)
    found["space"] = space(max(ROWS[name] * ROOM[name] for name in ROWS))
    return found
