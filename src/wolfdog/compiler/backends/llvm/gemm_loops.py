"""Source code of the loops around the register tile: over panels, over the summed axis, and over rows."""

from .target import Target

BLOCK = 512
"""Rows of a block of a panel, which stays in the L2 cache."""


def product_source(target: Target) -> str:
    """Source of kernel(a, lda, packed, first, K, c, ldc, N, rows, fresh): C (+)= A W for a packed W.

    N columns are computed from the panel `first` on; C has whole panels.
    """
    size, panel = target.bits // 8, target.panel
    lines = [
        "def kernel(a, lda, packed, first, depth, c, ldc, width, rows, fresh):",
        f"    panels = (width + {panel - 1}) // {panel}",
        f"    for start in range(0, depth, {BLOCK}):",
        f"        length = least(depth - start, {BLOCK})",
        "        new = fresh if start == 0 else 0",
        "        for p in range(panels):",
        f"            at = packed + ((first + p) * depth + start) * {panel * size}",
        f"            to = c + p * {panel * size}",
        f"            of = a + start * {size}",
        "            left = rows",
        *tiled(target, "tile", f"{size} * lda", 12),
    ]
    return "\n".join(lines) + "\n"


def tiled(target: Target, tile: str, stride: str, indent: int) -> list[str]:
    """Lines that apply tiles to `left` rows, from `of` with a stride of `stride` bytes, to `to` in C."""
    largest, size = target.rows, target.bits // 8

    def call(rows: int, more: int, finished: bool = False) -> list[str]:
        lines = [f"{tile}{rows}(of, lda, at, length, to, ldc, new)"]
        if not finished:
            lines += [f"of += {rows} * {stride}", f"to += {rows * size} * ldc", f"left -= {rows}"]
        return [" " * more + line for line in lines]

    lines = [f"while left >= {2 * largest} or left == {largest}:", *call(largest, 4)]
    lines += [
        f"if left > {largest}:",
        "    half = (left + 1) // 2",
    ]  # two tiles of about equal size, not a large and a small one
    for rows in range(1, largest + 1):
        lines += [f"    if half == {rows}:", *call(rows, 8)]
    for rows in range(1, largest):
        lines += [f"if left == {rows}:", *call(rows, 4, finished=True)]
    return [" " * indent + line for line in lines]
