"""Limits on what a unit holds or adds up."""

from torch import Tensor

from ..errors import InputError


def limit(name: str, value: float | None) -> float | None:
    """A limit that was asked for, checked; None for none.

    Raises InputError for one that is not a positive finite number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InputError(f"{name} must be a positive number, or None for no limit; got {value!r}")
    return float(value)


def clipped(values: Tensor, limit: float | None) -> Tensor:
    """The values, kept within [-limit, limit]; no gradient passes where they were beyond."""
    return values if limit is None else values.clamp(-limit, limit)
