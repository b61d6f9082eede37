"""Arrays of quantized layers as whole numbers and scales."""

import torch

from ....compiler.int8_matrix import as_int8
from ...arrays import Numbers

FEWEST = 4
"""Rows and columns of the smallest matrix that is stored as int8."""


def int8_parts(array: Numbers) -> tuple[Numbers, Numbers, int] | None:
    """Matrix of int8, scales, and the axis that these belong to, whose product is an array to rounding.

    Args:
        array: Array of float32 with two axes or more; the first ones are taken together.

    Returns:
        Numbers [R, C], scales [R] or [C], and the axis 0 or 1; None where there are none.
    """
    matrix = torch.from_numpy(array).reshape(-1, array.shape[-1])
    if min(matrix.shape) < FEWEST:  # as biases, of which scales would be a copy
        return None
    rows = as_int8(matrix.t())
    if rows is not None:
        return rows[0].t().contiguous().numpy(), rows[1].numpy(), 0
    columns = as_int8(matrix)
    return None if columns is None else (columns[0].numpy(), columns[1].numpy(), 1)
