"""Matrix products over all steps and examples, by the register tile of the recurrence.

PyTorch's MKL uses no 512-bit vectors on processors of other vendors; there, these products take half of its time.
"""

from array import array

import torch
from torch import Tensor

from ...fork_safety import once
from .buffer_pool import empty
from .build import Code, build, compiled_with, narrow_product_code, product_code, tiled
from .gemm_loops import tiled as rows_tiled
from .gemm_pairs import WORDS, pair_tiles, paired_source
from .narrow import MatrixFormat, narrow_matrix
from .narrow_operands import pair_of_rows
from .packing import padded, panels
from .row_pairs import supported
from .target import Target, target
from .thread_pool import cuts, run, shares

ROWS = 96
"""Rows of a block of the left operand, which stays in the L2 cache while the matrix is read."""

DEPTH = 256
"""Rows of a block of the summed axis: a panel's part of it stays in the L2 cache."""

FEWER = 64
"""Rows of the same block where rows are selected by index: all their columns have to stay in the cache too."""

Chosen = tuple[Tensor, Tensor]
"""Indices of the rows to multiply, of the left and of the right operand: int64 `[C]` each."""

WORTH = 4_000_000
"""Number of multiplications from which a product uses these kernels rather than PyTorch."""


def multiply(
    x: Tensor, matrix: Tensor, bias: Tensor | None = None, form: MatrixFormat = MatrixFormat.FLOAT32
) -> Tensor:
    """Product x W + b: x `[R, K]` with contiguous rows, W `[K, N]`, b `[N]`; the result's rows may be strided.

    The kernel keeps W in the given format.
    """
    aim = target(8 * x.dtype.itemsize)
    (rows, depth), width = x.shape, matrix.shape[1]
    narrow = form is not MatrixFormat.FLOAT32
    packed, wide = narrow_matrix(matrix, form) if narrow else panels(matrix), padded(width, aim.panel)
    result = empty(rows, wide, dtype=x.dtype)
    if bias is not None:
        bias = torch.nn.functional.pad(bias, (0, wide - width)) if wide != width else bias.contiguous()
    table = [
        (narrow_product_code(form.value) if narrow else product_code(aim.bits)).address,
        x.data_ptr(), x.stride(0), packed.data_ptr(), depth, result.data_ptr(), wide,
        width, rows, 0 if bias is None else bias.data_ptr(),
    ]  # fmt: skip
    _run(_rows_code(aim.bits), table, -(-rows // ROWS), rows * depth * width)
    return result[:, :width]


def multiply_transposed(
    g: Tensor, x: Tensor, chosen: Chosen | None = None, form: MatrixFormat = MatrixFormat.FLOAT32
) -> tuple[Tensor, Tensor]:
    """Product g^T x `[N, K]` and sums of g over its rows `[N]`: g `[R, N]` and x `[R, K]`, both with contiguous rows.

    With `chosen`, only these rows of g and of x count. With bfloat16, both are rounded where the processor multiplies
    pairs.
    """
    paired = form is MatrixFormat.BFLOAT16 and supported()
    aim = target(8 * x.dtype.itemsize)
    height, width, rows = g.shape[1], x.shape[1], len(x) if chosen is None else len(chosen[0])
    wide = padded(width, aim.panel)
    result, sums = (
        empty(height, wide, dtype=x.dtype),
        torch.zeros(padded(height, aim.lanes), dtype=x.dtype, device="cpu"),
    )
    if rows == 0:
        return result[:, :width].zero_(), sums[:height]
    panels, threads = wide // aim.panel, torch.get_num_threads()
    groups = 1 if panels >= threads else min(threads, -(-height // aim.lanes))
    depth = WORDS if paired else FEWER if chosen is not None else DEPTH
    room = empty(panels * groups, depth * (aim.panel + len(sums)), dtype=x.dtype)
    table = [
        g.data_ptr(), g.stride(0), x.data_ptr(), x.stride(0), result.data_ptr(), wide, sums.data_ptr(),
        rows, height, width, room.data_ptr(), groups, panels * groups,
        *((0, 0) if chosen is None else (some.data_ptr() for some in chosen)),
    ]  # fmt: skip
    code = _paired_code(chosen is not None) if paired else _outer_code(aim.bits, chosen is not None)
    _run(code, table, panels * groups, rows * height * width)
    return (result if wide == width else result[:, :width].contiguous()), sums[:height]


def _run(code: Code, numbers: list[int], units: int, work: int) -> None:
    table = array("q", numbers)
    run(code, table.buffer_info()[0], cuts(units, shares(units, work)))


@once
def _rows_code(bits: int) -> Code:
    return build(_rows_source(target(bits)), bits)


@once
def _outer_code(bits: int, chosen: bool) -> Code:
    return tiled("outer", _outer_source(target(bits), chosen), bits, 3)


@once
def _paired_code(chosen: bool) -> Code:
    aim = target(32)
    functions = {**pair_tiles(aim), "pair": pair_of_rows(aim)}
    return compiled_with("pairs", paired_source(aim, chosen), 32, 3, functions)


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
        product(tile, a + first * lda * {size}, lda, packed, 0, depth, to, ldc, width, count, 1)
        if bias != 0:
            for r in range(count):
                for j in range(0, ldc, {lanes}):
                    store(to, r * ldc + j, load(to, r * ldc + j) + load(bias, j))
"""


def _outer_source(target: Target, chosen: bool) -> str:
    """For a part of the panels of x: a block of its rows is packed, and tiles add up what g's make of it.

    A unit is a panel and a group of g's columns; each sums some of g's columns, too. Where rows are chosen, those of g
    are put side by side first.
    """
    size, lanes, panel = target.bits // 8, target.lanes, target.panel
    depth = FEWER if chosen else DEPTH
    row, row_of_x = ("field(of_g, first + r)", "field(of_x, first + r)") if chosen else (None, "(first + r)")
    lines = [
        "def kernel(table, low, high):",
        "    mode = flush()",
        "    g, ldg, x, ldx = field(table, 0), field(table, 1), field(table, 2), field(table, 3)",
        "    c, ldc, sums, rows = field(table, 4), field(table, 5), field(table, 6), field(table, 7)",
        "    height, width, room, groups = field(table, 8), field(table, 9), field(table, 10), field(table, 11)",
        "    units, of_g, of_x = field(table, 12), field(table, 13), field(table, 14)",
        f"    pieces = (height + {lanes - 1}) // {lanes}",
        f"    lda = pieces * {lanes}" if chosen else "    lda = ldg",
        f"    packed = room + low * {depth * size} * ({panel} + pieces * {lanes})",
        f"    for first in range(0, rows, {depth}):",
        f"        length = least(rows - first, {depth})",
        "        new = 1 if first == 0 else 0",
        f"        a = {f'packed + {depth * panel * size}' if chosen else f'g + first * ldg * {size}'}",
    ]
    if chosen:
        lines += [
            "        for r in range(length):",
            f"            for j in range(0, height, {lanes}):",
            f"                store(a, r * lda + j, load_masked(g, {row} * ldg + j, height - j))",
        ]
    lines += [
        "        begin, end = pieces * low // units, pieces * high // units",
        "        for r in range(length):",
        f"            for j in range({lanes} * begin, {lanes} * end, {lanes}):",
        "                store(sums, j, load(sums, j) + load_masked(a, r * lda + j, height - j))",
        "        for unit in range(low, high):",
        "            p, group = unit // groups, unit % groups",
        f"            columns = least(width - p * {panel}, {panel})",
        f"            if columns == {panel}:",
        *_packing(target, row_of_x, whole=True),
        "            else:",
        *_packing(target, row_of_x, whole=False),
        "            start, stop = height * group // groups, height * (group + 1) // groups",
        f"            of, to = a + start * {size}, c + (start * ldc + p * {panel}) * {size}",
        "            at, left = packed, stop - start",
        *rows_tiled(target, "turned", str(size), 12),
        "    restore(mode)",
    ]
    return "\n".join(lines) + "\n"


def _packing(target: Target, row: str, whole: bool) -> list[str]:
    """Put a panel's columns of a block of rows side by side."""
    lines = ["for r in range(length):", f"    source = {row} * ldx + p * {target.panel}"]
    for at in range(0, target.panel, target.lanes):
        loaded = f"load(x, source + {at})" if whole else f"load_masked(x, source + {at}, columns - {at})"
        lines.append(f"    store(packed, r * {target.panel} + {at}, {loaded})")
    return [" " * 16 + line for line in lines]
