"""Rows of float32 as words of 32 bits, each of which holds two rows of a column in bfloat16."""

from array import array

import torch
from torch import Tensor

from ...fork_safety import once
from .buffer_pool import empty
from .build import Code, compiled_with
from .narrow_operands import pair_of_rows
from .packing import padded
from .target import Target, target
from .thread_pool import cuts, run, shares


def supported() -> bool:
    """Whether the processor has the instruction."""
    return "bfloat16" in target(32).dots


def pairs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Words `[R / 2, K]` of pairs of rows of x `[R, K]`, which stand as float32, and the sums of x over its rows `[K]`.

    The rows of x are contiguous; an odd one has zeros beside it.
    """
    aim = target(32)
    (rows, width), count = x.shape, -(-len(x) // 2)
    wide = padded(width, aim.lanes)
    words, parts = empty(count, wide, dtype=torch.float32), shares(count, 8 * rows * width)
    sums = torch.zeros(parts, wide, dtype=torch.float32, device="cpu")
    table = array(
        "q", [x.data_ptr(), x.stride(0), width, words.data_ptr(), wide, rows, sums.data_ptr(), parts, count]
    )
    run(_pairs_code(), table.buffer_info()[0], cuts(count, parts))
    return words[:, :width], (sums[0] if parts == 1 else sums.sum(0))[:width]


@once
def _pairs_code() -> Code:
    aim = target(32)
    return compiled_with("pairs", _pairs_source(aim), 32, 3, {"pair": pair_of_rows(aim)})


def _pairs_source(target: Target) -> str:
    lanes = target.lanes
    return f"""\
def kernel(table, low, high):
    x, ldx, width = field(table, 0), field(table, 1), field(table, 2)
    words, ldw, rows = field(table, 3), field(table, 4), field(table, 5)
    sums = field(table, 6) + low * field(table, 7) // field(table, 8) * ldw * 4
    for p in range(low, high):
        first = x + 2 * p * ldx * 4
        more = least(rows - 2 * p - 1, 1)
        for j in range(0, width, {lanes}):
            a, b = load_masked(first, j, width - j), load_masked(first, more * ldx + j, (width - j) * more)
            pair(words, p * ldw + j, a, b)
            store(sums, j, load(sums, j) + (a + b))
"""
