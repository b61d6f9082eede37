"""Labels files: labelled spans of time of each video.

A CSV file in UTF-8 with a header and one row per span:

    video,start,end,label,look,channel
    tv-0000.mp4,0.0,1.6,unknown,unknown,Nature Channel
    tv-0000.mp4,1.6,3.0,wolf,canine,Nature Channel

`start` and `end` are seconds in the video's own time (its timestamps); a span includes its start and excludes its end.
`video` is a path relative to the labels file. The columns `look` and `channel` are optional; further columns are
ignored. Parts of a video may have no label.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import LabelsError, MediaError

REQUIRED = ("video", "start", "end", "label")
OPTIONAL = ("look", "channel")
RESOLUTION = 1e-6
"""Seconds. Times nearer to each other than this are the same time (containers round timestamps)."""


@dataclass(frozen=True, order=True)
class LabelSpan:
    """Labelled span of a video, from `start` up to but not including `end`, in seconds of the video's own time.

    Args:
        start: First second.
        end: Second that ends the span.
        label: The label.
        look: Name of what the label looks like in a single frame; several labels may share it.
        channel: Name of the channel.

    Raises:
        LabelsError: A time is not a number, negative, or out of order, or the label is empty.

    Examples:
        >>> LabelSpan(0.0, 1.5, "wolf", look="canine").label
        'wolf'
    """

    start: float
    end: float
    label: str
    look: str = ""
    channel: str = ""

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not math.isfinite(value) or value < 0:
                raise LabelsError(f"{name}: expected seconds from 0 up, got {value}. Correct the time.")
        if self.end <= self.start:
            raise LabelsError(
                f"the span ends at {self.end} s, at or before its start at {self.start} s. Correct or "
                "remove it."
            )
        if not self.label.strip():
            raise LabelsError("label: expected a name, got nothing. Name what is seen, or remove the span.")


def read_labels(path: str | Path) -> dict[str, list[LabelSpan]]:
    """Labelled spans of each video in a labels file, sorted by time.

    Args:
        path: The labels file.

    Returns:
        Spans by the name of the video.

    Raises:
        LabelsError: The file is missing, empty, not UTF-8 or not CSV, lacks a column, or holds a span that is not valid
            or overlaps another; the message names the file and the line.

    Examples:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "labels.csv"
        >>> _ = file.write_text("video,start,end,label\\na.mp4,0,2.5,wolf\\n")
        >>> read_labels(file)
        {'a.mp4': [LabelSpan(start=0.0, end=2.5, label='wolf', look='', channel='')]}
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LabelsError(f"{path}: cannot be read: {error.strerror or error}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise LabelsError(
            f"{path}: byte {error.start} is not UTF-8. Save the file as CSV with UTF-8 encoding."
        ) from error
    numbered: dict[str, list[tuple[LabelSpan, int]]] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(path, reader.fieldnames)
        for row in reader:
            video, span = _parse(path, reader.line_num, row)
            numbered.setdefault(video, []).append((span, reader.line_num))
    except csv.Error as error:
        raise LabelsError(
            f"{path}, line {reader.line_num}: not CSV ({error}). Save the file as comma-separated values."
        ) from error
    if not numbered:
        raise LabelsError(f"{path}: expected at least one span, got none. Add a row per span.")
    return {video: _sorted(path, spans) for video, spans in numbered.items()}


def _check_header(path: Path, header: Sequence[str] | None) -> None:
    expected = ",".join(REQUIRED)
    if not header:
        raise LabelsError(f"{path}: the file is empty. Expected a header {expected} and a row per span.")
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise LabelsError(
            f"{path}, line 1: missing {', '.join(missing)}; expected the columns {expected}, "
            f"got {','.join(header)[:200]}. Add a header line with these names, separated by commas."
        )
    twice = [name for name in (*REQUIRED, *OPTIONAL) if list(header).count(name) > 1]
    if twice:
        raise LabelsError(f"{path}, line 1: column {twice[0]} is there twice. Remove or rename one.")


def _parse(path: Path, line: int, row: Mapping[str, str | None]) -> tuple[str, LabelSpan]:
    where = f"{path}, line {line}"
    cells = {name: (row.get(name) or "").strip() for name in (*REQUIRED, *OPTIONAL)}
    if not cells["video"]:
        raise LabelsError(f"{where}: video: expected a file name, got nothing. Name the video of this span.")
    times = []
    for name in ("start", "end"):
        try:
            times.append(float(cells[name]))
        except ValueError:
            raise LabelsError(
                f"{where}: {name}: expected seconds as a number (such as 12.5), got {cells[name]!r}."
            ) from None
    try:
        start, end = times
        return cells["video"], LabelSpan(start, end, cells["label"], cells["look"], cells["channel"])
    except LabelsError as error:
        raise LabelsError(f"{where}: {error}") from None


def _sorted(path: Path, numbered: list[tuple[LabelSpan, int]]) -> list[LabelSpan]:
    numbered.sort()
    for (before, line_before), (after, line_after) in pairwise(numbered):
        if after.start < before.end - RESOLUTION:
            raise LabelsError(
                f"{path}, line {line_after}: {after.label} from {after.start} s overlaps {before.label} "
                "until "
                f"{before.end} s (line {line_before}). A video has one label at a time: shorten one of them."
            )
    return [span for span, _ in numbered]


def write_labels(path: str | Path, spans: Mapping[str, Iterable[LabelSpan]]) -> None:
    """Write the spans of each video as a labels file, atomically.

    Args:
        path: The labels file.
        spans: Spans by the name of the video.

    Raises:
        MediaError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "labels.csv"
        >>> write_labels(file, {"a.mp4": [LabelSpan(0.0, 2.5, "wolf")]})
        >>> file.read_text().splitlines()
        ['video,start,end,label,look,channel', 'a.mp4,0.0,2.5,wolf,,']
    """
    try:
        with atomic_write(path, newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*REQUIRED, *OPTIONAL))
            for video, of_video in spans.items():
                for span in of_video:
                    times = (repr(float(span.start)), repr(float(span.end)))  # repr: read back exactly
                    writer.writerow((video, *times, span.label, span.look, span.channel))
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}. Choose another place.") from error


def labels_at(spans: Sequence[LabelSpan], times: ArrayLike) -> list[str | None]:
    """Label at each time; see `spans_at`.

    Args:
        spans: Spans in order, without overlap.
        times: Seconds [N].

    Returns:
        Labels, None where no span covers the time.

    Examples:
        >>> labels_at([LabelSpan(0.0, 1.0, "wolf"), LabelSpan(2.0, 3.0, "bear")], [0.0, 1.0, 2.5])
        ['wolf', None, 'bear']
    """
    return [None if at < 0 else spans[at].label for at in spans_at(spans, times).tolist()]


def spans_at(spans: Sequence[LabelSpan], times: ArrayLike) -> NDArray[np.int64]:
    """Number of the span that covers each time, -1 where none does.

    A span includes its start and excludes its end; times are compared to the microsecond.

    Args:
        spans: Spans in order, without overlap.
        times: Seconds [N].

    Returns:
        Numbers of the spans [N].

    Examples:
        >>> spans_at([LabelSpan(0.0, 1.0, "wolf"), LabelSpan(2.0, 3.0, "bear")], [0.0, 1.0, 2.5]).tolist()
        [0, -1, 1]
    """
    moments = np.asarray(times, dtype=np.float64) + RESOLUTION / 2
    starts, ends = (np.array([getattr(span, side) for span in spans] + [np.inf]) for side in ("start", "end"))
    place = np.searchsorted(starts, moments, side="right") - 1
    covered = (place >= 0) & (moments < ends[place])
    return np.where(covered, place, -1)
