"""Text form of times in tables."""

import math
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(seconds: float) -> str:
    """Seconds since 1970-01-01 00:00 UTC in ISO 8601, to the millisecond; empty for NaN.

    Examples:
        >>> utc_text(1590814657.25), utc_text(math.nan)
        ('2020-05-30T04:57:37.250Z', '')
    """
    if math.isnan(seconds):
        return ""
    return f"{_date(seconds).isoformat(timespec='milliseconds')[:-6]}Z"


def time_of_day(local: float) -> str:
    """Hours, minutes and seconds of local time; empty for NaN.

    Examples:
        >>> time_of_day(1590814657.25)
        '04:57:37'
    """
    return "" if math.isnan(local) else _date(local).strftime("%H:%M:%S")


def _date(seconds: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
