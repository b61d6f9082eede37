"""Matrices that are whole numbers of int8 times a scale for each column."""

import torch
from torch import Tensor

_EXACT = 2.0**-21
"""Largest error of a number of a matrix that is taken for one of whole numbers and scales, in parts of the largest."""

SAMPLE = 32
"""Rows on which a scale is tried before it is tried on all."""


def as_int8(matrix: Tensor) -> tuple[Tensor, Tensor] | None:
    """Whole numbers and scales whose products are a matrix to rounding.

    Args:
        matrix: Matrix of float32, [K, N].

    Returns:
        Numbers [K, N] of int8, from -127 to 127, and scales [N]; None where there are none.

    Examples:
        >>> as_int8(torch.tensor([[127.0], [-3.0]]))
        (tensor([[127],
                [ -3]], dtype=torch.int8), tensor([1.]))
        >>> as_int8(torch.tensor([[127.0], [0.5]]))
    """
    most = matrix.abs().amax(0)
    if not bool(torch.isfinite(most).all()):
        return None
    scales = torch.ones_like(most)
    left = most.nonzero()[:, 0]  # columns whose scale is not known yet
    # The largest number of a column is 127 times its scale, unless rows were cut off: then it is a smaller multiple.
    for largest in range(127, 0, -1):
        if not len(left):
            break
        tried = most[left] / largest
        fits = _whole(matrix[:SAMPLE, left], tried, most[left])
        fits[fits.clone()] = _whole(matrix[:, left[fits]], tried[fits], most[left[fits]])
        scales[left[fits]] = tried[fits]
        left = left[~fits]
    return None if len(left) else ((matrix / scales).round_().to(torch.int8), scales)


def _whole(matrix: Tensor, scales: Tensor, most: Tensor) -> Tensor:
    """Whether each column consists of whole multiples of a scale, to rounding."""
    whole = (matrix / scales).round_()
    return ((whole * scales - matrix).abs_() <= _EXACT * most).all(0)
