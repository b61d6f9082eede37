"""Shares of what is dropped."""

from ...errors import InputError


def share(name: str, value: float) -> float:
    """Raises InputError unless this is a number from 0 to less than 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise InputError(f"{name} must be a share, 0 or more and less than 1; got {value!r}")
    return float(value)
