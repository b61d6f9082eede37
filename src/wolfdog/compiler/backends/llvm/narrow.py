"""Matrices of narrow numbers, packed for the register tiles, with a header that says their format."""

import ctypes
from collections.abc import Collection, Mapping, Sequence
from enum import Enum

import torch
from torch import Tensor

from ...int8_matrix import as_int8
from .narrow_loops import FORMATS, HEADER
from .narrow_operands import BLOCK
from .packing import padded, panels
from .row_pairs import pairs, supported
from .target import target


class MatrixFormat(Enum):
    """Format in which a kernel keeps its matrices, whose numbers are float32 otherwise."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


def packed(
    buffers: Sequence[str], matrices: Collection[str], form: MatrixFormat, parameters: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Parameters in a kernel's layout: matrices packed in panels, others contiguous.

    Args:
        buffers: Names of the kernel's buffers.
        matrices: Names of those that are matrices of products.
        form: Format in which the kernel keeps them.
        parameters: Parameters by name; matrices that are bytes have been packed before.
    """
    found = {}
    for name in buffers:
        if name in matrices and parameters[name].dtype is torch.uint8:
            found[name] = parameters[name]
        elif name in matrices and form is not MatrixFormat.FLOAT32:
            found[name] = narrow_matrix(parameters[name].detach(), form)
        elif name in matrices:
            found[name] = panels(parameters[name].detach())
        elif name in parameters:
            found[name] = parameters[name].detach().contiguous()
    return found


def narrow_matrix(matrix: Tensor, form: MatrixFormat) -> Tensor:
    """Matrix `[K, N]`, or `[n, K, N]`, of float32 packed for `narrow_product_code`, header included, as bytes.

    int8 is for matrices that are whole numbers from -127 to 127 times a scale for each column, as those of quantized
    layers; any other, and one for each head, stays as it is. bfloat16 rounds.
    """
    if form is MatrixFormat.BFLOAT16 and matrix.dim() == 2:
        return _panels(_pairs(matrix), "bfloat16")
    found = as_int8(matrix) if form is MatrixFormat.INT8 and matrix.dim() == 2 else None
    return _panels(matrix, "float32") if found is None else _int8(*found)


def _panels(matrix: Tensor, form: str) -> Tensor:
    packed = panels(matrix, HEADER)
    ctypes.c_int64.from_address(packed.data_ptr()).value = FORMATS[form]
    return packed


def _pairs(matrix: Tensor) -> Tensor:
    """Words `[K / 2, N]` that hold two numbers of a column of bfloat16 each, and stand as float32."""
    if matrix.stride(1) == 1 and supported():
        return pairs(matrix)[0]
    rows = matrix.t().to(torch.bfloat16)  # the summed axis contiguous
    if len(matrix) % 2:
        rows = torch.nn.functional.pad(rows, (0, 1))
    return _words(rows).t()


def _int8(whole: Tensor, scales: Tensor) -> Tensor:
    depth, width = whole.shape
    wide = padded(width, target(32).panel)
    rows = torch.nn.functional.pad(whole.t(), (0, -depth % 4, 0, wide - width))
    packed = panels(_words(rows).t())
    blocks = -(-depth // BLOCK)
    whole_blocks = torch.nn.functional.pad(whole.t().int(), (0, blocks * BLOCK - depth, 0, wide - width))
    sums = whole_blocks.view(-1, target(32).panel, blocks, BLOCK).sum(-1, dtype=torch.int32).transpose(1, 2)
    scaled = torch.nn.functional.pad(scales, (0, wide - width))
    return _with_header(packed, "int8", scaled, (-128 * sums).contiguous())


def _words(rows: Tensor) -> Tensor:
    """Runs of narrow numbers as words of 32 bits, which float32 stands for."""
    return rows.reshape(-1).view(torch.float32).view(len(rows), -1)


def _with_header(packed: Tensor, form: str, *more: Tensor) -> Tensor:
    parts = [packed, *more]
    sizes = [HEADER, *(part.numel() * part.element_size() for part in parts)]
    places = [sum(sizes[:at]) for at in range(1, len(sizes))]
    found = torch.empty(sum(sizes), dtype=torch.uint8, device="cpu")
    header = torch.tensor([FORMATS[form], *places[1:]], dtype=torch.int64, device="cpu")
    found[: 8 * len(header)] = header.view(torch.uint8)
    for place, part in zip(places, parts, strict=True):
        flat = part.reshape(-1).view(torch.uint8)
        found[place : place + len(flat)] = flat
    return found
