"""Weight arrays of other libraries, loaded into cells."""

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
    """Array of float32 or float64 with a given shape.

    Args:
        name: Name in error messages.
        array: Anything that NumPy reads.
        shape: Expected shape; None stands for any positive size.

    Raises:
        ShapeError: The shape or type is another.

    Examples:
        >>> checked_array("kernel", [[1.0, 2.0]], (None, 2)).shape
        (1, 2)
    """
    values = np.asarray(array)
    sizes = zip(values.shape, shape, strict=False)
    fits = values.ndim == len(shape) and all(
        size > 0 and expected in (None, size) for size, expected in sizes
    )
    if not fits or values.dtype not in (np.float32, np.float64):
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(
            f"{name} must be [{expected}] of float32 or float64; got {list(values.shape)} of {values.dtype}"
        )
    return values


def gate_rows(kernel: Numbers, gates: int, order: Sequence[int]) -> Tensor:
    """Kernel [..., gates * H], for products from the right, as rows [gates * H, ...] in wolfdog's order of gates."""
    blocks = np.split(kernel, gates, axis=-1)
    return torch.tensor(np.concatenate([blocks[gate] for gate in order], -1).T.copy())


def load_weights(cell: Cell, weights: Mapping[str, Tensor]) -> None:
    """Load weights of one format into a cell.

    Raises:
        ShapeError: The weights have different formats.
    """
    formats = sorted({str(tensor.dtype) for tensor in weights.values()})
    if len(formats) != 1:
        raise ShapeError(f"all weights must have one format; got {', '.join(formats)}")
    cell.load_state_dict(dict(weights), assign=True)
