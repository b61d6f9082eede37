"""How matrices lie for the register tile: in panels of as many columns as a tile has."""

import numpy as np
from torch import Tensor


def padded(columns: int, width: int) -> int:
    """Columns of whole panels."""
    return -(-columns // width) * width


def panels(matrix: Tensor, width: int) -> Tensor:
    """[..., K, N] as [..., N / P][K][P], padded with zeros.

    >>> import torch
    >>> panels(torch.arange(6.0).view(2, 3), 2)
    tensor([[[0., 1.],
             [3., 4.]],
    <BLANKLINE>
            [[2., 0.],
             [5., 0.]]])
    """
    *lead, depth, columns = matrix.shape
    count, full = -(-columns // width), columns // width
    packed = matrix.new_empty(*lead, count, depth, width)
    # NumPy copies on this thread alone. PyTorch's would go on spinning for milliseconds, on the cores of ours.
    source, goal = matrix.numpy(), packed.numpy()
    whole = source[..., : full * width].reshape(*lead, depth, full, width)
    goal[..., :full, :, :] = np.moveaxis(whole, -2, -3)
    if full < count:
        goal[..., full, :, :] = 0
        goal[..., full, :, : columns - full * width] = source[..., full * width :]
    return packed
