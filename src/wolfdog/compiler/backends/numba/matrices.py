"""Products of whole matrices, over all steps and examples at once, by the register tile of the recurrence.

PyTorch's library for them uses no vectors of 512 bits on processors of other makers than its own, where these products
take half of its time.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from .build import Code, build, product_code, tiled
from .panels import padded, panels
from .room import empty
from .target import Target, target
from .threads import cuts, run, shares
from .walks import tiled as rows_tiled

ROWS = 96
"""Rows that are multiplied in one go: they stay in the second-level cache while the matrix passes by."""

DEPTH = 256
"""Rows that are summed over in one go: a panel's part of them stays in the second-level cache."""

WORTH = 4_000_000
"""Multiplications from which on a product is done here."""


def multiply(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W + b: x [R, K], side by side in a row, W [K, N], b [N]; the rows of the result may lie apart."""
    aim = target(torch.finfo(x.dtype).bits)
    (rows, depth), width = x.shape, matrix.shape[1]
    packed, wide = panels(matrix), padded(width, aim.panel)
    result = empty(rows, wide, dtype=x.dtype)
    if bias is not None:
        bias = torch.nn.functional.pad(bias, (0, wide - width)) if wide != width else bias.contiguous()
    table = [
        product_code(aim.bits).address, x.data_ptr(), x.stride(0), packed.data_ptr(), depth, result.data_ptr(), wide,
        width, rows, 0 if bias is None else bias.data_ptr(),
    ]  # fmt: skip
    _run(_rows_code(aim.bits), table, -(-rows // ROWS), rows * depth * width)
    return result[:, :width]


def multiply_transposed(x: Tensor, g: Tensor, chosen: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """x^T g and the sums of g over its rows: x [R, K] and g [R, N], both side by side in a row, to [K, N] and [N].

    Of the rows, the `chosen` ones alone, whole numbers [C], where they are given.
    """
    aim = target(torch.finfo(x.dtype).bits)
    depth, width, rows = x.shape[1], g.shape[1], len(x if chosen is None else chosen)
    wide = padded(width, aim.panel)
    result, sums = empty(depth, wide, dtype=x.dtype), empty(wide, dtype=x.dtype)
    if rows == 0:
        return result[:, :width].zero_(), sums[:width].zero_()
    count = wide // aim.panel
    groups = 1 if count >= torch.get_num_threads() else torch.get_num_threads()
    gathered = 0 if chosen is None else padded(depth, aim.lanes)
    room = empty(count * groups, DEPTH * (aim.panel + gathered), dtype=x.dtype)
    table = [
        x.data_ptr(), x.stride(0), g.data_ptr(), g.stride(0), result.data_ptr(), wide, sums.data_ptr(),
        rows, depth, width, room.data_ptr(), groups, 0 if chosen is None else chosen.data_ptr(),
    ]  # fmt: skip
    _run(_outer_code(aim.bits, chosen is not None), table, count * groups, rows * depth * width)
    return (result, sums) if wide == width else (result[:, :width].contiguous(), sums[:width])


def _run(code: Code, numbers: list[int], units: int, work: int) -> None:
    table = np.array(numbers, np.int64)
    run(code, table.ctypes.data, cuts(units, shares(units, work)))


@cache
def _rows_code(bits: int) -> Code:
    return build(_rows_source(target(bits)), bits)


@cache
def _outer_code(bits: int, chosen: bool) -> Code:
    return tiled("outer", _outer_source(target(bits), chosen), bits, 3)


def _rows_source(target: Target) -> str:
    size, lanes = target.bits // 8, target.lanes
    return f"""\
def kernel(table, low, high):
    tile, a, lda, packed = field(table, 0), field(table, 1), field(table, 2), field(table, 3)
    depth, c, ldc, width = field(table, 4), field(table, 5), field(table, 6), field(table, 7)
    rows, bias = field(table, 8), field(table, 9)
    for chunk in range(low, high):
        first = chunk * {ROWS}
        count = least(rows - first, {ROWS})
        to = c + first * ldc * {size}
        product(tile, a + first * lda * {size}, lda, packed, depth, to, ldc, width, count, 1)
        if bias != 0:
            for r in range(count):
                for j in range(0, ldc, {lanes}):
                    store(to, r * ldc + j, load(to, r * ldc + j) + load(bias, j))
"""


def _outer_source(target: Target, chosen: bool) -> str:
    """For a part of the columns: a block of rows of g is put side by side and summed, then tiles add it up with x's.

    Where rows are chosen, those of x are put side by side, too.
    """
    size, lanes, panel = target.bits // 8, target.lanes, target.panel
    row = "field(chosen, first + r)" if chosen else "(first + r)"
    lines = [
        "def kernel(table, low, high):",
        "    x, ldx, g, ldg = field(table, 0), field(table, 1), field(table, 2), field(table, 3)",
        "    c, ldc, sums, rows = field(table, 4), field(table, 5), field(table, 6), field(table, 7)",
        "    depth, width, room, groups = field(table, 8), field(table, 9), field(table, 10), field(table, 11)",
        "    chosen, lda = field(table, 12), ldx",
    ]
    if chosen:
        lines += [f"    lda = (depth + {lanes - 1}) // {lanes} * {lanes}"]
    lines += [
        f"    packed = room + low * {DEPTH * size} * ({panel}{' + lda' if chosen else ''})",
        f"    for first in range(0, rows, {DEPTH}):",
        f"        length = least(rows - first, {DEPTH})",
        "        new = 1 if first == 0 else 0",
        f"        a = {f'packed + {DEPTH * panel * size}' if chosen else f'x + first * ldx * {size}'}",
    ]
    if chosen:
        lines += [
            "        for r in range(length):",
            f"            for j in range(0, depth, {lanes}):",
            f"                store(a, r * lda + j, load_some(x, {row} * ldx + j, depth - j))",
        ]
    lines += [
        "        for unit in range(low, high):",
        "            p, group = unit // groups, unit % groups",
        f"            columns = least(width - p * {panel}, {panel})",
        f"            if columns == {panel}:",
        *_side_by_side(target, row, whole=True),
        "            else:",
        *_side_by_side(target, row, whole=False),
        "            start, end = depth * group // groups, depth * (group + 1) // groups",
        f"            of, to = a + start * {size}, c + (start * ldc + p * {panel}) * {size}",
        "            at, left = packed, end - start",
        *rows_tiled(target, "turned", str(size), 12),
    ]
    return "\n".join(lines) + "\n"


def _side_by_side(target: Target, row: str, whole: bool) -> list[str]:
    """Copy a panel's columns of a block of rows, and add them to the sums."""
    lanes, panel, vectors = target.lanes, target.panel, range(target.vectors)
    at = [n * lanes for n in vectors]
    lines = [f"s{n} = number(0.0)" for n in vectors]
    lines += ["for r in range(length):", f"    of = {row} * ldg + p * {panel}"]
    for n in vectors:
        loaded = f"load(g, of + {at[n]})" if whole else f"load_some(g, of + {at[n]}, columns - {at[n]})"
        lines += [
            f"    v{n} = {loaded}",
            f"    store(packed, r * {panel} + {at[n]}, v{n})",
            f"    s{n} = s{n} + v{n}",
        ]
    lines += ["if group == 0:", f"    total = p * {panel}", "    if new == 0:"]
    lines += [f"        s{n} = s{n} + load(sums, total + {at[n]})" for n in vectors]
    lines += [f"    store(sums, total + {at[n]}, s{n})" for n in vectors]
    return [" " * 16 + line for line in lines]
