"""Number format of the matrix products of a layer."""

from typing import Literal, get_args

import torch

from ...errors import InputError

Precision = Literal["float32", "bfloat16"]
"""Format in which kernels keep the matrices of a cell of float32, and to which they may round what these multiply."""


def check_precision(precision: object) -> None:
    """Check of a layer's option.

    Args:
        precision: The value.

    Raises:
        InputError: It is no precision, and not None.
    """
    if precision is not None and precision not in get_args(Precision):
        known = ", ".join(map(repr, get_args(Precision)))
        raise InputError(f"precision must be one of {known}, or None; got {precision!r}")


def reduces(precision: Precision | None) -> bool:
    """Whether products round to bfloat16: where a layer says so, and by default under autocast of that format.

    Args:
        precision: The layer's option.

    Returns:
        Whether they do.
    """
    if precision is not None:
        return precision == "bfloat16"
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16
