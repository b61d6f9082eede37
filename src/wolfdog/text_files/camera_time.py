"""Dates and times as cameras and tables write them."""

import math
from datetime import UTC, datetime

from wolfdog.errors import InputError

_EXIF = ("%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y:%m:%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%d_%H%M%S")


def seconds_of(text: str, where: str) -> float:
    """Seconds since 1970-01-01 00:00 UTC of a date and time; NaN of an empty text.

    ISO 8601, and EXIF's form with colons in the date. A time without a zone is read as UTC: the differences between
    the times of one camera are the same.

    Args:
        text: Date and time.
        where: What the error message calls the place.

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
    """A date and time in one of these forms, with the zone that it names or without any; None of an empty text.

    Args:
        text: Date and time.
        where: What the error message calls the place.

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


def folder_of(file: str) -> str:
    """The folder of a file's path, the name of its deployment; backslashes count as slashes.

    Examples:
        >>> folder_of("site3\\\\100RECNX\\\\IMG_1.JPG"), folder_of("IMG_1.JPG")
        ('site3/100RECNX', '')
    """
    return file.replace("\\", "/").rpartition("/")[0]
