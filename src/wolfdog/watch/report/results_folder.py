"""Results in a folder: the predictions, the review queue, and the times of day of the cameras."""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import seconds_of
from wolfdog.text_files.delimited_text import read_table

from ..formats import read_results
from ..predictions import Predictions, read_predictions

PREDICTIONS = "predictions.parquet"
MOMENTS = "moments.csv"
_OTHER_TABLES = (MOMENTS, "events.csv", "evidence.csv")
_SUFFIXES = (".parquet", ".json", ".csv")
_DAY = 86400.0


@dataclass(frozen=True)
class QueueEntry:
    """Row of a review queue.

    Attributes:
        deployment: Name of the deployment.
        media: Name of the video or image.
        frame: Number of the frame.
        detection: Number of the detection; -1 for the whole frame.
        gain: Number of labels that a look is expected to correct; NaN if the queue does not say.
        ask: Whether the label is too unsure to stand; "yes", "no" or empty.
        label: Label that a person has filled in; empty if none.
    """

    deployment: str
    media: str
    frame: int
    detection: int
    gain: float
    ask: str
    label: str


@dataclass(frozen=True, eq=False)
class FolderResults:
    """Results of a folder.

    Attributes:
        files: Files that were read, the predictions first.
        table: Predictions with a context.
        queue: Review queue, the best first.
        local: Seconds from UTC to the camera's local time, by deployment and media, where they are known.
        watched: Whether `wolfdog watch` wrote the results, whose times in UTC are certain.
    """

    files: Sequence[Path]
    table: Predictions
    queue: Sequence[QueueEntry]
    local: dict[tuple[str, str], float]
    watched: bool


def read_folder(place: Path) -> FolderResults:
    """Results of `wolfdog watch` or `wolfdog smooth`.

    Args:
        place: Folder with predictions.parquet or smoothed results, or one file of smoothed results.

    Returns:
        The results.

    Raises:
        InputError: There are no results, or they have no context labels, or a file of them is damaged.
        OSError: A file cannot be read.
    """
    if not place.exists():
        raise InputError(f"{place}: no such folder. Name the folder that wolfdog watch or smooth wrote.")
    if place.is_dir() and (place / PREDICTIONS).is_file():
        files, tables = [place / PREDICTIONS], [read_predictions(place / PREDICTIONS)]
    elif place.is_dir():
        files = [path for path in sorted(place.iterdir()) if _may_be_results(path)]
        tables = [read_results(path).predictions for path in files]
        kept = [at for at, table in enumerate(tables) if table.context is not None]
        files, tables = [files[at] for at in kept] or files, [tables[at] for at in kept] or tables
        if not files:
            raise InputError(
                f"{place}: holds no results: expected predictions.parquet of wolfdog watch, or a file that wolfdog "
                "smooth wrote (JSON, CSV, Parquet). Name the folder given to their --out."
            )
    else:
        files, tables = [place], [read_results(place).predictions]
    for path, table in zip(files, tables, strict=True):
        if table.context is None:
            raise InputError(
                f"{path}: has the classifier's labels alone, and no context labels. Run wolfdog smooth on it first."
            )
        if not len(table):
            raise InputError(f"{path}: holds no predictions. Label some footage first.")
    try:
        table = Predictions.concat(tables)
    except InputError as error:
        names = ", ".join(path.name for path in files[:5])
        raise InputError(f"{place}: its results do not fit together ({error}) Name one of {names}.") from None
    queues = [path.with_name(f"{path.stem}.review.csv") for path in files]
    found = [path for path in queues if path.is_file()]
    queue = [entry for path in found for entry in _queue_entries(path)]
    moments = files[0].with_name(MOMENTS)
    watched = files[0].name == PREDICTIONS and moments.is_file()
    local = _local_offsets(moments) if watched else {}
    return FolderResults([*files, *([moments] if watched else []), *found], table, queue, local, watched)


def _may_be_results(path: Path) -> bool:
    name = path.name.lower()
    return (
        path.suffix.lower() in _SUFFIXES
        and path.is_file()
        and name not in _OTHER_TABLES
        and not name.endswith((".review.csv", ".corrections.csv", ".names.json"))
        and not name.startswith(".")
    )


def _queue_entries(path: Path) -> Iterator[QueueEntry]:
    """Entries of a review queue that `write_queue` wrote."""
    header, rows, _ = read_table(path)
    needed = {"deployment", "file", "frame", "detection", "gain", "ask", "label"}
    if not needed <= set(header):
        missing = ", ".join(sorted(needed - set(header)))
        raise InputError(f"{path}: not a review queue of wolfdog smooth --review: no column {missing}.")
    for line, row in enumerate(rows, start=2):
        cell = dict(zip(header, row, strict=True))
        try:
            yield QueueEntry(
                cell["deployment"],
                cell["file"],
                int(cell["frame"]),
                int(cell["detection"] or -1),
                float(cell["gain"] or math.nan),
                cell["ask"],
                cell["label"].strip(),
            )
        except ValueError:
            raise InputError(
                f"{path}: row {line}: expected whole numbers in frame and detection and a number in gain, got "
                f"{cell['frame']!r}, {cell['detection']!r} and {cell['gain']!r}."
            ) from None


def _local_offsets(path: Path) -> dict[tuple[str, str], float]:
    """Seconds from UTC to local time of each medium in a table of moments, from its first line with both.

    The table has no local date, so an offset is between -12 and 12 hours.
    """
    found: dict[tuple[str, str], float] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            at = [header.index(name) for name in ("deployment", "video", "utc", "time_of_day")]
            for row in reader:
                deployment, video, utc, clock = (row[place] for place in at)
                if not clock or (deployment, video) in found:
                    continue
                hours, minutes, seconds = map(int, clock.split(":"))
                of_day = hours * 3600 + minutes * 60 + seconds
                passed = seconds_of(utc, str(path)) if utc else float(of_day)
                shift = (of_day - math.floor(passed) + _DAY / 2) % _DAY - _DAY / 2
                found[deployment, video] = float(np.round(shift / 60) * 60)
    except (ValueError, IndexError, OverflowError, csv.Error) as error:
        raise InputError(
            f"{path}: not a table of moments of wolfdog watch, or damaged ({error}). Delete it, or label again."
        ) from error
    return found
