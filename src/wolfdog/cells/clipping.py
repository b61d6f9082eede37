"""Limits on the values of a cell's memory and gates."""

from torch import Tensor

from ..errors import InputError


def check_limit(name: str, value: float | None) -> float | None:
    """Limit as a float, or None for no limit.

    Raises:
        InputError: The limit is not a positive finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InputError(f"{name} must be a positive number, or None for no limit; got {value!r}")
    return float(value)


def clipped(values: Tensor, limit: float | None) -> Tensor:
    """Values clamped to [-limit, limit]; the gradient is zero where they were outside. Unchanged if `limit` is None."""
    return values if limit is None else values.clamp(-limit, limit)
