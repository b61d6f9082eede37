"""Weights of other libraries, which come as arrays, put into the units that they belong to."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..cells import Cell
from ..errors import ShapeError

Numbers = NDArray[Any]
"""A NumPy array of numbers, of any format."""


def checked_array(name: str, array: Any, shape: Sequence[int | None]) -> Numbers:
    """An array of float32 or float64 of that shape, in which None stands for any size from 1 up.

    Raises ShapeError for anything else.

    >>> checked_array("kernel", [[1.0, 2.0]], (None, 2)).shape
    (1, 2)
    """
    found = np.asarray(array)
    sizes = zip(found.shape, shape, strict=False)
    fits = found.ndim == len(shape) and all(size > 0 and wanted in (None, size) for size, wanted in sizes)
    if not fits or found.dtype not in (np.float32, np.float64):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(
            f"{name} must be [{wanted}] of float32 or float64; got {list(found.shape)} of {found.dtype}"
        )
    return found


def columns(kernel: Numbers, gates: int, order: Sequence[int]) -> Tensor:
    """A kernel [..., gates * H], to be multiplied from the right, as rows in our order of gates: [gates * H, ...]."""
    blocks = np.split(kernel, gates, axis=-1)
    return torch.tensor(np.concatenate([blocks[gate] for gate in order], -1).T.copy())


def load_weights(cell: Cell, weights: Mapping[str, Tensor]) -> None:
    """Give a unit its weights, which must all be of one format.

    Raises ShapeError where they are not.
    """
    formats = sorted({str(tensor.dtype) for tensor in weights.values()})
    if len(formats) != 1:
        raise ShapeError(f"weights must all be of one format; got {', '.join(formats)}")
    cell.load_state_dict(dict(weights), assign=True)
