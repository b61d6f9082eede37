"""Checks of the numbers and names that define a world."""

from collections.abc import Mapping
from typing import Any

from wolfdog.errors import WorldError

LONGEST_NAME = 100
LONGEST_SHOWN = 60


def short(value: Any) -> str:
    """`repr` of a value for an error, cut where it is long.

    Args:
        value: The value.

    Returns:
        The text, on one line.

    Examples:
        >>> short([1, "a"]), short("b" * 100)
        ("[1, 'a']", "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...")
    """
    try:
        text = repr(value)
    except ValueError:  # Python does not write whole numbers of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def check_number(value: Any, where: str, low: float, high: float) -> float:
    """`value` as a float, if it is a number in the interval from `low` to `high`.

    Args:
        value: The value.
        where: Name of the value, for the error.
        low: Lower bound.
        high: Upper bound.

    Returns:
        The number.

    Raises:
        WorldError: It is not such a number.
    """
    # Comparing, unlike math.isfinite, takes integers of any size; it is False for NaN.
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not good:
        raise WorldError(
            f"{where}: expected a number from {low:g} to {high:g}, got {short(value)}. Correct it."
        )
    return float(value)


def check_names(*names: Any, where: str) -> None:
    """Check that all names are distinct, printable, not empty and not too long.

    Args:
        *names: The names.
        where: Name of their place, for the error.

    Raises:
        WorldError: A name is invalid or repeated.
    """
    for name in names:
        if (
            not isinstance(name, str)
            or not name.strip()
            or not name.isprintable()
            or len(name) > LONGEST_NAME
        ):
            raise WorldError(
                f"{where}: expected a name of 1 to {LONGEST_NAME} printable characters, got {short(name)}."
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise WorldError(f"{where}: {twice!r} occurs twice. Names must differ: rename one.")


def check_weights(weights: Any, where: str) -> dict[str, float]:
    """`weights` as a dict of label -> weight above 0.

    Args:
        weights: The weights.
        where: Name of their place, for the error.

    Returns:
        The dict.

    Raises:
        WorldError: They are not such weights.
    """
    if not isinstance(weights, Mapping) or not weights:
        raise WorldError(
            f'{where}: expected label -> weight, such as {{"bear" = 1.0}}, got {short(weights)}.'
        )
    check_names(*weights, where=where)
    return {label: check_number(weight, f"{where}: {label}", 1e-9, 1e6) for label, weight in weights.items()}
