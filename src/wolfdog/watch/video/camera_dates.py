"""Time at which a video or an image was taken, from its metadata or its name."""

import math
import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.text_files.camera_time import date_of

from .container import open_video
from .images import image_dates, is_image

if TYPE_CHECKING:
    from re import Pattern

_DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d\d)", "m": r"(?P<m>\d\d)", "d": r"(?P<d>\d\d)", "H": r"(?P<H>\d\d)",
    "M": r"(?P<M>\d\d)", "S": r"(?P<S>\d\d)",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1980, 1, 1)  # cameras that lost their clock, and containers that never had one, say less


@dataclass(frozen=True, slots=True)
class DateOptions:
    """Options of the time of a file.

    Args:
        zone: Time zone of clocks that name none: a name of the IANA database such as Europe/Berlin, or an offset such
            as +02:00. None: such times are local times without a zone.
        pattern: Pattern of file names that contain a time, with %Y %m %d %H %M %S, and * for anything:
            `*_%Y%m%d_%H%M%S*`. It is matched against the path and has precedence over the metadata.

    Raises:
        InputError: There is no such zone, or the pattern has no date.
    """

    zone: str | None = None
    pattern: str | None = None
    _zone: tzinfo | None = field(init=False, repr=False, compare=False, default=None)
    _pattern: "Pattern[str] | None" = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.zone is not None:
            object.__setattr__(self, "_zone", zone_of(self.zone))
        if self.pattern is not None:
            object.__setattr__(self, "_pattern", _compiled(self.pattern))

    def of_file(self, path: Path, name: str, *, file: BinaryIO | None = None) -> tuple[float, float]:
        """Start of a file in UTC and in local time; see `Medium`. NaN if not known.

        Args:
            path: The file, of which only the header is read.
            name: Path that the pattern is matched against.
            file: Its content, if it does not lie at the path.

        Returns:
            Both times in seconds.
        """
        found = self.of_name(name)
        if found is not None:
            return found
        try:
            date = _image_date(path, file) if is_image(path) else _video_date(path, file)
        except (MediaError, InputError):  # which is said when it is watched
            return math.nan, math.nan
        return (math.nan, math.nan) if date is None else self.of_date(date)

    def of_name(self, name: str) -> tuple[float, float] | None:
        """Start of a file by the pattern of names; None if there is no pattern, or it does not match.

        Args:
            name: Path that the pattern is matched against.

        Returns:
            The time in UTC and in local time, in seconds.
        """
        date = None if self._pattern is None else _by_name(self._pattern, name)
        return None if date is None else self.of_date(date)

    def of_date(self, date: datetime) -> tuple[float, float]:
        """Date in UTC and in local time, in seconds; NaN if not known.

        Args:
            date: The date, with or without a zone.

        Returns:
            Both times in seconds.

        Examples:
            >>> DateOptions(zone="+02:00").of_date(datetime(1970, 1, 1, 3))
            (3600.0, 10800.0)
            >>> DateOptions().of_date(datetime(1970, 1, 1, 3))
            (nan, 10800.0)
        """
        if date.tzinfo is None:
            local = _seconds(date)
            if self._zone is None:
                return math.nan, local
            return date.replace(tzinfo=self._zone).timestamp(), local
        utc = date.timestamp()
        if self._zone is not None:
            date = date.astimezone(self._zone)
        elif date.tzinfo == UTC:  # that it is in UTC does not say which zone the camera was in
            return utc, math.nan
        return utc, _seconds(date.replace(tzinfo=None))


def zone_of(text: str) -> tzinfo:
    """Time zone by its name or offset.

    Args:
        text: The name or offset.

    Returns:
        The zone.

    Raises:
        InputError: There is none.

    Examples:
        >>> zone_of("+05:30").utcoffset(None)
        datetime.timedelta(seconds=19800)
    """
    offset = re.fullmatch(r"([+-])(\d\d?):?(\d\d)?", text.strip())
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    elif text.strip():
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(text.strip())
        except (OSError, ValueError, LookupError):
            pass
    raise InputError(f"zone: expected a name as Europe/Berlin or an offset as +02:00, got {text!r}.")


def _seconds(date: datetime) -> float:
    return (date.replace(tzinfo=UTC) - _EPOCH).total_seconds()


def _compiled(pattern: str) -> "Pattern[str]":
    parts = re.findall(r"%(.)|(\*)|([^%*]+|%$)", pattern)
    text, seen = "", set[str]()
    for directive, anything, literal in parts:
        if directive and (directive not in _DIRECTIVES or directive in seen):
            raise InputError(
                f"time pattern {pattern!r}: expected %Y %m %d %H %M %S, each once, got %{directive}."
            )
        seen.add(directive)
        text += _DIRECTIVES[directive] if directive else ".*?" if anything else re.escape(literal)
    if not ({"Y", "y"} & seen and {"m", "d", "H", "M"} <= seen):
        raise InputError(f"time pattern {pattern!r}: it needs at least %Y, %m, %d, %H and %M.")
    return re.compile(text)


def _by_name(pattern: "Pattern[str]", name: str) -> datetime | None:
    match = pattern.search(name)
    if match is None:
        return None
    parts = {key: int(value) for key, value in match.groupdict().items()}
    try:
        return datetime(
            parts.get("Y", 2000 + parts.get("y", 0)),
            parts["m"],
            parts["d"],
            parts["H"],
            parts["M"],
            parts.get("S", 0),
        )
    except ValueError:
        return None


def _image_date(path: Path, file: BinaryIO | None) -> datetime | None:
    text, offset = image_dates(path, file)
    date = date_of(text, str(path))
    if date is not None and date.tzinfo is None and re.fullmatch(r"[+-]\d\d:\d\d", offset):
        date = date.replace(tzinfo=zone_of(offset))
    return _plausible(date)


def _video_date(path: Path, file: BinaryIO | None) -> datetime | None:
    """Time of recording in a container's header: QuickTime's with its offset, or the creation time in UTC."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaWarning)  # said when it is watched
        container, _ = open_video(path, file=file)
    with container:
        notes = [container.metadata, *(stream.metadata for stream in container.streams.video)]
    for key in ("com.apple.quicktime.creationdate", "creation_time", "date"):
        for note in notes:
            text = note.get(key, "")
            if re.match(r"\d{4}\D\d\d\D\d\d\D\d\d", text):
                return _plausible(date_of(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text), str(path)))
    return None


def _plausible(date: datetime | None) -> datetime | None:
    return None if date is None or date.replace(tzinfo=None) < _EARLIEST else date
