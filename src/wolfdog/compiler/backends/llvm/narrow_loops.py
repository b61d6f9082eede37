"""Source code of the matrix product over matrices of float32 or, as their header says, of narrow numbers.

A matrix begins with a header of int64 values: its format, and the distances in bytes from its begin to the scales of
its columns and to the first sums of its blocks, for int8.
"""

from .gemm_loops import tiled
from .narrow_operands import BLOCK, ROOM, ROWS
from .target import Target

HEADER = 64
"""Bytes of the header."""

FORMATS = {"float32": 0, "int8": 1, "bfloat16": 2}
"""Numbers of the formats in the header."""

FEW = 2
"""Rows up to which bfloat16 is widened: the dot product is no faster while the matrix is read from memory."""


def narrow_product_source(target: Target, name: str) -> str:
    """Source of kernel(a, lda, matrix, first, K, c, ldc, N, rows, fresh), as of `product_source`.

    Args:
        target: Widths.
        name: Format of the matrix, where it is not float32: "int8" or "bfloat16".
    """
    panel = target.panel
    lines = [
        "def kernel(a, lda, matrix, first, depth, c, ldc, width, rows, fresh):",
        "    form = field(matrix, 0)",
        f"    panels, base = (width + {panel - 1}) // {panel}, matrix + {HEADER}",
        "    if form == 0:",
        f"        for start in range(0, depth, {BLOCK}):",
        f"            length = least(depth - start, {BLOCK})",
        "            new = fresh if start == 0 else 0",
        "            for p in range(panels):",
        f"                at = base + ((first + p) * depth + start) * {4 * panel}",
        f"                to = c + p * {4 * panel}",
        "                of, left = a + start * 4, rows",
        *tiled(target, "tile", "4 * lda", 16),
        "    else:",
        *(_int8(target) if name == "int8" else _bfloat16(target)),
    ]
    return "\n".join(lines) + "\n"


def _int8(target: Target) -> list[str]:
    panel = target.panel
    lines = [
        f"scales = matrix + field(matrix, 1) + first * {4 * panel}",
        f"quads, blocks = (depth + 3) // 4, (depth + {BLOCK - 1}) // {BLOCK}",
        f"begins = matrix + field(matrix, 2) + first * blocks * {4 * panel}",
    ]
    if "int8" not in target.dots:
        lines += _wide(target, "int8", 4)
        return _indented(lines, 8)
    most = ROWS["int8"]
    lines += [
        "room = space()",
        f"for start in range(0, depth, {BLOCK}):",
        f"    length = least(depth - start, {BLOCK})",
        "    new, groups = fresh if start == 0 else 0, (length + 3) // 4",
        f"    for row in range(0, rows, {most}):",
        f"        count, of = least(rows - row, {most}), a + (row * lda + start) * 4",
        "        good = 1",
        "        for r in range(count):",
        f"            good = least(good, digits(of + r * lda * 4, length, room + r * {ROOM['int8']}))",
        "        for p in range(panels):",
        f"            at = base + ((first + p) * quads + start // 4) * {4 * panel}",
        f"            to, by = c + (row * ldc + p * {panel}) * 4, scales + p * {4 * panel}",
        f"            begin = begins + (p * blocks + start // {BLOCK}) * {4 * panel}",
        "            if good == 0:",
        *[
            line
            for rows in range(1, most + 1)
            for line in (
                f"                if count == {rows}:",
                f"                    int8_wide{rows}(of, lda, at, length, by, to, ldc, new)",
            )
        ],
    ]
    for rows in range(1, most + 1):
        lines += [
            f"            elif count == {rows}:",
            f"                int8_dot{rows}(room, at, groups, begin, by, to, ldc, new)",
        ]
    return _indented(lines, 8)


def _bfloat16(target: Target) -> list[str]:
    panel, most = target.panel, ROWS["bfloat16"]
    lines = ["halves, scales = (depth + 1) // 2, 0"]
    if "bfloat16" not in target.dots:
        return _indented([*lines, *_wide(target, "bfloat16", 2)], 8)
    lines += [
        f"if rows <= {FEW}:",
        *_indented(_wide(target, "bfloat16", 2), 4),
        "else:",
        "    room = space()",
        f"    for start in range(0, depth, {BLOCK}):",
        f"        length = least(depth - start, {BLOCK})",
        "        new, groups = fresh if start == 0 else 0, (length + 1) // 2",
        f"        parts = (rows + {most - 1}) // {most}",
        "        for part in range(parts):",
        "            row = rows * part // parts",
        "            count, of = rows * (part + 1) // parts - row, a + (row * lda + start) * 4",
        "            for r in range(count):",
        f"                pairs(of + r * lda * 4, length, room + r * {ROOM['bfloat16']})",
        "            for p in range(panels):",
        f"                at = base + ((first + p) * halves + start // 2) * {4 * panel}",
        f"                to = c + (row * ldc + p * {panel}) * 4",
    ]
    for rows in range(1, most + 1):
        lines += [
            f"                if count == {rows}:",
            f"                    bfloat16_dot{rows}(room, at, groups, to, ldc, new)",
        ]
    return _indented(lines, 8)


def _wide(target: Target, name: str, run: int) -> list[str]:
    """Loops around the wide tiles of a format, with runs of so many numbers."""
    panel = target.panel
    lines = [
        f"for start in range(0, depth, {BLOCK}):",
        f"    length, runs = least(depth - start, {BLOCK}), (depth + {run - 1}) // {run}",
        "    new = fresh if start == 0 else 0",
        "    for p in range(panels):",
        f"        at = base + ((first + p) * runs + start // {run}) * {4 * panel}",
        f"        to, of, left, by = c + p * {4 * panel}, a + start * 4, rows, scales + p * {4 * panel}",
    ]
    calls = tiled(target, f"{name}_wide", "4 * lda", 8)
    return lines + [line.replace("at, length, to", "at, length, by, to") for line in calls]


def _indented(lines: list[str], count: int) -> list[str]:
    return [" " * count + line for line in lines]
