"""Times as people write them."""

import re

from wolfdog.errors import LabelsError

_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")


def seconds_of_text(text: str, name: str) -> float:
    """Seconds of a number, of mm:ss or of hh:mm:ss; the decimal sign is a point or a comma.

    Args:
        text: The time.
        name: Name of the column, for messages.

    Raises:
        LabelsError: The text is no time.

    Examples:
        >>> seconds_of_text("12,5", "start"), seconds_of_text("01:02:03.5", "end"), seconds_of_text("2:30", "end")
        (12.5, 3723.5, 150.0)
    """
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = clock[1] or "0", clock[2], clock[3].replace(",", ".")
        if float(seconds) < 60 and (clock[1] is None or int(minutes) < 60):
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    elif _NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    raise LabelsError(f"{name}: expected seconds as a number (such as 12.5) or hh:mm:ss, got {text!r}.")


def frame_of_text(text: str, name: str) -> float:
    """Number of a frame.

    Raises:
        LabelsError: The text is no whole number from 0 up.

    Examples:
        >>> frame_of_text("30", "start_frame")
        30.0
    """
    if not re.fullmatch(r"\d{1,15}(?:\.0+)?", text.strip()):
        raise LabelsError(f"{name}: expected the number of a frame, from 0 up, got {text.strip()!r}.")
    return float(text)
