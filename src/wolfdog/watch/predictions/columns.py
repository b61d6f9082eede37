"""Checks of the columns of a predictions table."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError, ShapeError

Number = TypeVar("Number", np.int32, np.int64, np.float32, np.float64)

SUM_TOLERANCE = 2e-3
"""By how much the probabilities of a row may miss one: classifiers round, and compute in half precision."""


def class_names(classes: Sequence[str], blank: str | None) -> tuple[str, ...]:
    """Checked names of classes: at least one, distinct, not empty, with the blank one among them.

    Args:
        classes: The names.
        blank: Name of the class for empty pictures; None if there is none.

    Returns:
        The names.

    Raises:
        InputError: They are not such names.
    """
    if isinstance(classes, str):
        raise InputError(f"classes must be several names, got the one text {classes!r}.")
    names = tuple(classes)
    if not names:
        raise InputError("predictions need at least one class, got none.")
    for name in names:
        if not isinstance(name, str) or not name:
            raise InputError(f"a class must have a name of at least one character, got {name!r}.")
        if any("\ud800" <= one <= "\udfff" for one in name):
            raise InputError(f"the name {name!r} of a class is no text that can be written as UTF-8.")
    if len(set(names)) < len(names):
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        raise InputError(f"classes must have different names; given more than once: {', '.join(twice)}.")
    if blank is not None and blank not in names:
        raise InputError(f"blank must be one of the classes {', '.join(names)}, or None; got {blank!r}.")
    return names


def string_column(name: str, values: Any, rows: int) -> NDArray[np.object_]:
    """Column of texts."""
    column = np.asarray(values, object)
    _check_shape(name, column, (rows,))
    for row, value in enumerate(column.tolist()):
        if not isinstance(value, str):
            raise InputError(f"column {name}, row {row}: expected a text, got {value!r}.")
    return column


def number_column(
    name: str,
    values: Any,
    rows: int,
    dtype: type[Number],
    *,
    low: float = -np.inf,
    high: float = np.inf,
    unknown: bool = False,
) -> NDArray[Number]:
    """Column of numbers in a range.

    Args:
        name: Name of the column in messages.
        values: The numbers, or one for all rows.
        rows: Number of rows.
        dtype: Type of the column.
        low: Least number.
        high: Largest number.
        unknown: Whether NaN is allowed, for unknown numbers.

    Returns:
        The column.

    Raises:
        InputError: The shape is wrong, or a number is out of range.
    """
    given = np.asarray(values)
    _check_shape(name, given, (rows,))
    if given.dtype.kind not in "biuf" and rows:
        raise InputError(f"column {name}: expected numbers, got values of type {given.dtype}.")
    known = given.astype(np.float64)
    bad = ~((known >= low) & (known <= high) & np.isfinite(known))
    if unknown:
        bad &= ~np.isnan(known)
    if np.issubdtype(dtype, np.integer):
        bad |= known != np.floor(known)
    if bad.any():
        row = int(bad.argmax())
        kind = "a whole number" if np.issubdtype(dtype, np.integer) else "a number"
        span = f" from {low:g}" if low > -np.inf else ""
        span += f" to {high:g}" if high < np.inf else ""
        raise InputError(
            f"column {name}, row {row}: expected {kind}{span}{' or NaN' * unknown}, got {given[row]!r}."
        )
    return np.asarray(given, dtype)


def box_column(values: Any, rows: int) -> NDArray[np.float32]:
    """Column of boxes: four numbers per row, or four NaN."""
    boxes = np.asarray(values, np.float32)
    _check_shape("box", boxes, (rows, 4))
    missing = np.isnan(boxes)
    bad = missing.any(1) & ~missing.all(1)
    bad |= ~missing.any(1) & (~np.isfinite(boxes).all(1) | (boxes[:, 2:] < 0).any(1))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"column box, row {row}: expected x, y, width and height relative to the picture, width and height not "
            f"below 0, or four NaN for the whole frame; got {boxes[row].tolist()}."
        )
    return boxes


def probability_columns(name: str, values: Any, rows: int, classes: Sequence[str]) -> NDArray[np.float32]:
    """Columns of probabilities, one for each class; each row sums to one.

    Args:
        name: Name of the columns in messages.
        values: The probabilities.
        rows: Number of rows.
        classes: Names of the classes.

    Returns:
        Probabilities [rows, classes].

    Raises:
        InputError: The shape is wrong, or a row is no distribution.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "biuf" and given.size:
        raise InputError(f"{name}: expected numbers, got values of type {given.dtype}.")
    table = given.astype(np.float32, copy=False)
    _check_shape(name, table, (rows, len(classes)))
    total = table.sum(-1, dtype=np.float64)
    bad = ~((table >= 0).all(-1) & (np.abs(total - 1) <= SUM_TOLERANCE))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"{name}, row {row}: expected {len(classes)} numbers of 0 or more that sum to 1 (to within "
            f"{SUM_TOLERANCE:g}), got a sum of {total[row]:.6g} and a least of {table[row].min():.6g}. Divide each "
            f"row by its sum."
        )
    return table


def _check_shape(name: str, column: NDArray[Any], shape: tuple[int, ...]) -> None:
    if column.shape != shape:
        raise ShapeError(
            f"column {name}: expected the shape {list(shape)} (rows as in probabilities), got {list(column.shape)}."
        )
