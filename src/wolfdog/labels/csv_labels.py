"""Labels as tables: a row for each span, each file or each sequence; and BORIS's tables of events."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError, LabelsError, MediaError
from wolfdog.text_files.delimited_text import read_lines
from wolfdog.text_files.spreadsheet import unguarded

from .boris import events_table, is_events_table
from .rows import LabelRow, is_blank
from .spans import LabelSpan
from .table import LabelTable
from .times import frame_of_text, seconds_of_text

COLUMNS = ("video", "start", "end", "label", "look", "channel")
"""Columns that `write_labels` writes; with `start_frame` and `end_frame`, where spans count frames."""

_NAMES = {
    "media": (
        "video", "media", "file", "filepath", "filename", "videofile", "videoname", "path", "relativepath",
        "image", "mediafile", "mediafilename", "mediafilepath",
    ),
    "start": ("start", "starttime", "startseconds", "starts", "startsec", "begin", "begintime", "onset", "from"),
    "end": ("end", "endtime", "endseconds", "ends", "endsec", "stop", "stoptime", "stops", "offset", "to"),
    "start_frame": ("startframe", "framestart", "firstframe", "beginframe"),
    "end_frame": ("endframe", "frameend", "lastframe", "stopframe"),
    "frame": ("frame", "framenumber", "frameindex"),
    "label": ("label", "class", "species", "category", "behavior", "behaviour", "commonname", "scientificname"),
    "sequence": ("sequence", "sequenceid", "seqid", "burst", "burstid"),
    "site": ("site", "siteid", "deployment", "deploymentid", "station", "location", "locationid", "camera"),
    "split": ("split", "subset", "fold"),
    "look": ("look",),
    "channel": ("channel",),
}  # fmt: skip


def read_csv(path: Path, problems: list[str]) -> Iterator[LabelRow]:
    """Rows of a table of labels.

    Rows that name a frame and no label are left out: those of a review queue that is filled in only in part.

    Args:
        path: Of the file.
        problems: Receives a message for each row that cannot be read.

    Returns:
        The other rows.

    Raises:
        LabelsError: The file is no table of labels.
    """
    try:
        numbered, _ = read_lines(path)
    except InputError as error:
        raise LabelsError(str(error)) from error
    if is_events_table(numbered):
        yield from events_table(path, numbered, problems)
        return
    header, lines = numbered[0][1], numbered[1:]
    places = _places(path, header)
    for number, fields in lines:
        if not any(field.strip() for field in fields):
            continue
        where = f"{path}, line {number}"
        if any(field.strip() for field in fields[len(header) :]):
            problems.append(f"{where}: expected {len(header)} fields as in the header, got {len(fields)}.")
            continue
        cells = {
            name: unguarded(fields[at].strip()) if at < len(fields) else "" for name, at in places.items()
        }
        if cells.get("frame") and not cells["label"]:
            continue  # a row of a review queue that nobody has filled in yet
        try:
            yield _row(where, cells)
        except LabelsError as error:
            problems.append(f"{where}: {error}")


def _plain(name: str) -> str:
    """Name of a column in small letters, without units in parentheses, spaces and hyphens."""
    return re.sub(r"\(.*\)|[\s_.-]+", "", name.lower())


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Position of each known column."""
    plain = [_plain(name) for name in header]
    places: dict[str, int] = {}
    for meaning, names in _NAMES.items():
        found = [at for name in names for at, given in enumerate(plain) if given == name]
        if len(set(found)) > 1 and plain[found[0]] == plain[found[1]]:
            raise LabelsError(
                f"{path}, line 1: the columns {header[found[0]]!r} and {header[found[1]]!r} are one column twice. "
                "Remove or rename one."
            )
        if found:
            places[meaning] = found[0]
    missing = [
        name for name, there in (("video", "media" in places), ("label", "label" in places)) if not there
    ]
    for first, last in (("start", "end"), ("start_frame", "end_frame")):
        if (first in places) != (last in places):
            missing.append(last if first in places else first)
    if missing:
        raise LabelsError(
            f"{path}, line 1: missing {', '.join(missing)}; expected the columns video,start,end,label (seconds or "
            f"hh:mm:ss), video,start_frame,end_frame,label, or filepath,label; got {','.join(header)[:200]}. Add a "
            "header line with these names, separated by commas."
        )
    return places


def _row(where: str, cells: Mapping[str, str]) -> LabelRow:
    def cell(name: str) -> str:
        return cells.get(name, "")

    row = LabelRow(
        where=where,
        media=cells["media"],
        label=cells["label"],
        sequence=cell("sequence"),
        site=cell("site"),
        split=cell("split"),
        look=cell("look"),
        channel=cell("channel"),
    )
    if cell("frame"):  # a label of this frame alone, as in a review queue
        number = frame_of_text(cell("frame"), "frame")
        return replace(row, start=number, end=number + 1, unit="frames")
    first, last = cell("start_frame"), cell("end_frame")
    if first or last:
        end = frame_of_text(last, "end_frame") if last else None
        return replace(row, start=frame_of_text(first, "start_frame"), end=end, unit="frames")
    start, stop = cell("start"), cell("end")
    if not start and not stop:
        return row
    end = seconds_of_text(stop, "end") if stop else None
    return replace(row, start=seconds_of_text(start, "start"), end=end)


def write_labels(path: str | Path, spans: Mapping[str, Iterable[LabelSpan]]) -> None:
    """Write the spans of each video as a table, whole or not at all; `read_labels` reads the same spans from it.

    Labels of whole files have neither start nor end. The sites and splits of a `LabelTable` have columns of their own.

    Args:
        path: File to write.
        spans: Spans of each video.

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
            held = {video: list(of_video) for video, of_video in spans.items()}
            every = [span for of_video in held.values() for span in of_video]
            columns = list(COLUMNS)
            if any(span.unit == "frames" for span in every):
                columns += ["start_frame", "end_frame"]
            if any(span.bag not in ("", video) for video, of_video in held.items() for span in of_video):
                columns.append("sequence")
            more: dict[str, Mapping[str, str]] = {}
            if isinstance(spans, LabelTable):
                more = {"site": spans.sites, "split": spans.splits}
                columns += [name for name, known in more.items() if known]
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            for video, of_video in held.items():
                for span in of_video:
                    beside = {name: known.get(video, "") for name, known in more.items()}
                    writer.writerow(_written(video, span) | beside)
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}. Choose another place.") from error


def _written(video: str, span: LabelSpan) -> dict[str, str]:
    row = {"video": video, "label": span.label, "look": span.look, "channel": span.channel}
    row["sequence"] = "" if span.bag == video else span.bag
    whole = span.start == 0 and span.end == float("inf")
    if not (whole and (span.bag or is_blank(span.label))):
        seconds = span.unit == "seconds"
        text = [repr(float(at)) if seconds else f"{at:.0f}" for at in (span.start, span.end)]
        names = ("start", "end") if seconds else ("start_frame", "end_frame")
        row |= {
            name: "" if at == float("inf") else shown
            for name, at, shown in zip(names, (span.start, span.end), text, strict=True)
        }
    return row
