"""Products g^T x of bfloat16 over all rows, for gradients of matrices, by the processor's dot product of pairs.

Blocks of both operands are rounded to bfloat16 and laid out in words of 32 bits, each with two rows of a column.
"""

from .gemm_loops import tiled
from .lower import Function
from .narrow_tiles import make_pair_tile
from .target import Target

WORDS = 64
"""Words of a column in a block of the product, whose panel of x stays in the L1 cache."""


def pair_tiles(aim: Target) -> dict[str, Function]:
    """Tiles over pairs, under the names of those over float32 with a transposed operand."""
    return {f"turned{rows}": make_pair_tile(aim, rows) for rows in range(1, aim.rows + 1)}


def paired_source(target: Target, chosen: bool) -> str:
    """Source of the product g^T x of pairs of rows, with the table and the units of that over float32.

    A block of g's rows is rounded and laid out in words, as is each panel of x, and the sums of g are added up.
    """
    lanes, panel = target.lanes, target.panel
    of_g, of_x = ("field(of_g, {})", "field(of_x, {})") if chosen else ("({})", "({})")
    lines = [
        "def kernel(table, low, high):",
        "    mode = flush()",
        "    g, ldg, x, ldx = field(table, 0), field(table, 1), field(table, 2), field(table, 3)",
        "    c, ldc, sums, rows = field(table, 4), field(table, 5), field(table, 6), field(table, 7)",
        "    height, width, room, groups = field(table, 8), field(table, 9), field(table, 10), field(table, 11)",
        "    of_g, of_x, words = field(table, 13), field(table, 14), (rows + 1) // 2",
        f"    lda = (height + {lanes - 1}) // {lanes} * {lanes}",
        f"    packed = room + low * {4 * WORDS} * ({panel} + lda)",
        f"    a = packed + {4 * WORDS * panel}",
        f"    for first in range(0, words, {WORDS}):",
        f"        length = least(words - first, {WORDS})",
        "        new = 1 if first == 0 else 0",
        "        for r in range(length):",
        "            row = 2 * (first + r)",
        "            more = least(rows - row - 1, 1)",  # 0 where an odd row is the last
        f"            g0, g1 = g + {of_g.format('row')} * ldg * 4, g + {of_g.format('row + more')} * ldg * 4",
        f"            for j in range(0, height, {lanes}):",
        "                u, v = load_masked(g0, j, height - j), load_masked(g1, j, (height - j) * more)",
        "                pair(a, r * lda + j, u, v)",
        "                if low == 0:",
        "                    store(sums, j, load(sums, j) + (u + v))",
        "        for unit in range(low, high):",
        "            p, group = unit // groups, unit % groups",
        f"            columns = least(width - p * {panel}, {panel})",
        "            for r in range(length):",
        "                row = 2 * (first + r)",
        "                more = least(rows - row - 1, 1)",
        f"                x0 = x + ({of_x.format('row')} * ldx + p * {panel}) * 4",
        f"                x1 = x + ({of_x.format('row + more')} * ldx + p * {panel}) * 4",
    ]
    for at in range(0, panel, lanes):
        lines += [
            f"                u, v = load_masked(x0, {at}, columns - {at}), "
            f"load_masked(x1, {at}, (columns - {at}) * more)",
            f"                pair(packed, r * {panel} + {at}, u, v)",
        ]
    lines += [
        "            start, stop = height * group // groups, height * (group + 1) // groups",
        f"            of, to = a + start * 4, c + (start * ldc + p * {panel}) * 4",
        "            at, left = packed, stop - start",
        *tiled(target, "turned", "4", 12),
        "    restore(mode)",
    ]
    return "\n".join(lines) + "\n"
