"""Search of the moment that is to be explained."""

import math
import re

import numpy as np

from wolfdog.errors import InputError, LabelsError
from wolfdog.labels import matching_files
from wolfdog.text_files.camera_time import date_of, iso_utc, seconds_of

from ..predictions import Predictions

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")
_DAY = 86400.0


def find_moment(
    table: Predictions, *, at: str | None = None, media: str | None = None, deployment: str | None = None
) -> tuple[Predictions, int]:
    """Deployment in the order of time, and the number of the frame that is meant.

    Args:
        table: Predictions.
        at: Where the times are in UTC, a date and time, or a time of day as HH:MM or HH:MM:SS, if it names one day;
            otherwise seconds, MM:SS or HH:MM:SS from the start. The nearest frame is taken.
        media: Name of the file, or the end of it.
        deployment: Name.

    Raises:
        InputError: No frame or more than one is meant.

    >>> table = Predictions.from_columns(["wolf", "dog"], [[1, 0]] * 3, time=[0, 60, 754], deployment="bridge")
    >>> find_moment(table, at="12:30")[1]
    2
    """
    rows = np.ones(len(table), bool)
    if media is not None:
        try:
            found = matching_files([media], list(dict.fromkeys(table.media.tolist())))
        except LabelsError:
            found = {}
        if media not in found:
            raise InputError(f"--file {media}: no file of the results has this name, or more than one.")
        name = found[media]
        rows &= table.media == name
    if deployment is not None:
        if deployment not in table.deployments():
            some = ", ".join(table.deployments()[:5])
            raise InputError(f"--deployment {deployment}: not in the results, whose deployments are {some}.")
        rows &= table.deployment == deployment
    places = list(dict.fromkeys(table.deployment[rows].tolist()))
    if len(places) != 1:
        raise InputError(
            f"which of {len(places)} deployments? Name one with --deployment, or a file with --file: "
            f"{', '.join(map(repr, places[:5]))}, ..."
        )
    stream = table.of_deployment(places[0])
    chosen = np.ones(len(stream), bool) if media is None else stream.media == name
    frame = stream.frame_numbers()
    if at is None:
        frames = np.unique(frame[chosen])
        if len(frames) != 1:
            raise InputError(f"which of {len(frames)} frames? Give their time with --at.")
        return stream, int(frames[0])
    times = np.where(chosen, stream.time, np.nan)
    if np.isnan(times).all():
        raise InputError("--at: these results hold no times. Give them with --timestamps, or name a file.")
    wanted = _in_utc(at, times) if table.utc else _in_seconds(at)
    return stream, int(frame[int(np.nanargmin(np.abs(times - wanted)))])


def time_text(seconds: float, utc: bool) -> str:
    """Time of a frame for a table.

    >>> time_text(754.5, False), time_text(1590814657.0, True)
    ('12:34.5', '2020-05-30T04:57:37Z')
    """
    if math.isnan(seconds):
        return ""
    if utc:
        return iso_utc(seconds)
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:06.3f}".rstrip("0").rstrip(".")
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes:02d}:{text}"


def _in_seconds(at: str) -> float:
    clock = _CLOCK.match(at.strip())
    if clock:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    try:
        return float(at)
    except ValueError:
        raise InputError(f"--at: expected seconds, MM:SS or HH:MM:SS, got {at!r}.") from None


def _in_utc(at: str, times: "np.typing.NDArray[np.float64]") -> float:
    parts = at.strip().split(":")
    if 2 <= len(parts) <= 3 and all(part.replace(".", "", 1).isdigit() and len(part) <= 6 for part in parts):
        hours, minutes, seconds = (*map(float, parts), 0.0)[:3]
        of_day = hours * 3600 + minutes * 60 + seconds
        near = np.abs((times - of_day + _DAY / 2) % _DAY - _DAY / 2)
        days = np.unique(times[near <= max(float(np.nanmin(near)), 30.0)] // _DAY)
        if len(days) > 1:
            raise InputError(
                f"--at {at}: {len(days)} days have pictures at this time. Give the date too, as 2026-05-30T{at}."
            )
        return float(times[int(np.nanargmin(near))])
    if date_of(at, "--at") is None:
        raise InputError("--at: expected a date and time, got nothing.")
    return seconds_of(at, "--at")
