"""Packed matrices for the register tile: panels of as many columns as a tile has."""

from array import array
from math import prod

import torch
from torch import Tensor

from ...fork_safety import once
from .buffer_pool import empty
from .build import Code, build
from .target import Target, target
from .thread_pool import cuts, run, shares

COST = 8
"""Cost of copying one number, in multiplications."""


def padded(columns: int, width: int) -> int:
    """Number of columns, rounded up to whole panels.

    >>> padded(65, 64)
    128
    """
    return -(-columns // width) * width


def panels(matrix: Tensor, header: int = 0) -> Tensor:
    """Matrix `[..., K, N]` packed as `[..., N / P, K, P]`, padded with zeros.

    Args:
        matrix: The matrix.
        header: Bytes before the packed numbers that the caller fills. The result is then bytes `[header + ...]`.
    """
    aim = target(8 * matrix.dtype.itemsize)
    *lead, depth, columns = matrix.shape
    count = padded(columns, aim.panel) // aim.panel
    shape, before = (*lead, count, depth, aim.panel), header // matrix.dtype.itemsize
    whole = empty(before + prod(shape), dtype=matrix.dtype) if header else empty(*shape, dtype=matrix.dtype)
    packed = whole[before:].view(shape) if header else whole
    code, borders = _code(aim.bits), cuts(count, shares(count, COST * depth * columns))
    flat, goal = [matrix], [packed]
    if lead:
        flat = list(matrix.reshape(-1, depth, columns))
        goal = list(packed.view(-1, *packed.shape[-3:]))
    for one, to in zip(flat, goal, strict=True):
        table = array("q", (one.data_ptr(), *one.stride(), depth, columns, to.data_ptr()))
        run(code, table.buffer_info()[0], borders)
    return whole.view(torch.uint8) if header else packed


@once
def _code(bits: int) -> Code:
    return build(_source(target(bits)), bits)


def _source(target: Target) -> str:
    """Source of the packing kernel, over a range of panels; it copies, transposes or gathers rows by their strides."""
    size, lanes, panel = target.bits // 8, target.lanes, target.panel

    def copies(depth: int, loaded: str) -> list[str]:
        lines = []
        for at in range(0, panel, lanes):
            value = loaded.format(at=at, count=f"columns - {at}")
            lines.append(f"store(packed, k * {panel} + {at}, {value})")
        return [" " * 4 * depth + line for line in lines]

    lines = [
        "def kernel(table, low, high):",
        "    w, along, across = field(table, 0), field(table, 1), field(table, 2)",
        "    depth, width, goal = field(table, 3), field(table, 4), field(table, 5)",
        "    for p in range(low, high):",
        f"        columns = least(width - p * {panel}, {panel})",
        f"        of, packed = w + p * {panel * size} * across, goal + p * depth * {panel * size}",
        "        done = 0",
        f"        if along == 1 and columns == {panel}:",
        f"            done = depth // {lanes} * {lanes}",
        f"            for k in range(0, done, {lanes}):",
        f"                for n in range(0, {panel}, {lanes}):",
        f"                    to = packed + (k * {panel} + n) * {size}",
        f"                    transpose(of + (n * across + k) * {size}, across, to, {panel})",
        "        for k in range(done, depth):",
        f"            if across == 1 and columns == {panel}:",
        *copies(4, "load(of, k * along + {at})"),
        "            elif across == 1:",
        *copies(4, "load_masked(of, k * along + {at}, {count})"),
        "            else:",
        *copies(4, "load_strided(of, k * along + {at} * across, across, {count})"),
    ]
    return "\n".join(lines) + "\n"
