"""Dates and times in the forms of cameras and tables."""

import math
from datetime import UTC, datetime

from wolfdog.errors import InputError

_EXIF = ("%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y:%m:%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%d_%H%M%S")


def seconds_of(text: str, where: str) -> float:
    """Seconds since 1970-01-01 00:00 UTC of a date and time; NaN for an empty text.

    Forms are ISO 8601, and EXIF's with colons in the date. A time without a zone is read as UTC: the differences
    between the times of one camera are the same.

    Args:
        text: Date and time.
        where: Name of the place in the error message.

    Returns:
        The seconds.

    Raises:
        InputError: The text is no date and time.

    Examples:
        >>> seconds_of("2020:05:30 04:57:40", "row 1") - seconds_of("2020-05-30T04:57:37Z", "row 0")
        3.0
    """
    found = date_of(text, where)
    if found is None:
        return math.nan
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def date_of(text: str, where: str) -> datetime | None:
    """Date and time in one of the forms of `seconds_of`, with its zone if it names one.

    Args:
        text: Date and time.
        where: Name of the place in the error message.

    Returns:
        The date; None for an empty text.

    Raises:
        InputError: The text is no date and time.
    """
    text = text.strip()
    if not text or text.lower() in ("na", "nan", "null", "none"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        for form in _EXIF:
            try:
                return datetime.strptime(text, form)
            except ValueError:
                continue
    raise InputError(
        f"{where}: expected a date and time as 2026-05-30 04:57:37 or 2026:05:30 04:57:37, got {text!r}."
    )


def iso_utc(seconds: float) -> str:
    """Seconds since 1970-01-01 00:00 UTC in ISO 8601, to the second.

    >>> iso_utc(1590814657.0)
    '2020-05-30T04:57:37Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def folder_of(file: str) -> str:
    """Folder of a file's path, which names its deployment; backslashes count as slashes.

    Args:
        file: Path of the file.

    Returns:
        The folder.

    Examples:
        >>> folder_of("site3\\\\100RECNX\\\\IMG_1.JPG"), folder_of("IMG_1.JPG")
        ('site3/100RECNX', '')
    """
    return file.replace("\\", "/").rpartition("/")[0]
