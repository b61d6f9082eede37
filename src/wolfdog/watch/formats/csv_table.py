"""Tables of predictions as CSV: a column of probabilities for each class, or the first labels with their scores."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import folder_of, seconds_of
from wolfdog.text_files.delimited_text import read_table

from ..predictions import Predictions
from .blank_names import blank_of
from .csv_columns import Columns, Scores, distributions, first_labels, scores_of
from .results import Results

_CONTEXT = tuple((f"context{rank}", f"context{rank}_probability") for rank in ("", "_2", "_3"))
"""Columns of the first labels in context, each with that of its probability."""


class CSVTable(Results):
    """Table of predictions as CSV: zamba's, DeepFaune's, animl's, moments of `wolfdog watch`, or one of the user's own.

    Columns are found by their names; case, spaces and underscores do not matter. `file` (or filepath, filename, media,
    video, ...) names the picture. `deployment` (or site, station, location, camera) names the camera; without it, the
    folder of the file does. `datetime` (or timestamp, date) is the time, or `time` in seconds. The classes are

    - the columns whose names begin with `p_`; or
    - one label with its score (`label` and `score`, `prediction` and `confidence`, `predictionbase` and
      `scorebase`), or several, `label1` and `score1`, `label2` and `score2`; the rest of the probability is spread
      over the other classes (`Predictions.spread`); `snapshot` and `snapshot_probability` are such a pair; or
    - all other columns of numbers, if they sum to one in each row, as zamba writes them.

    The output has all columns of the input, then `context` and `context_probability`, and `c_<class>` for each class.
    Columns of these names in the input are the context of `predictions`, and are replaced in the output.

    Args:
        path: The file.
        times: Seconds since 1970 by file name, for tables without times.
        blank: Name of the class for empty pictures; None to find it by its name.

    Raises:
        InputError: The table has none of these forms, or an invalid value.
        OSError: The file cannot be read.
    """

    name = "csv"

    def __init__(
        self, path: Path, *, times: Mapping[str, float] | None = None, blank: str | None = None
    ) -> None:
        self.path = path
        header, rows, self._separator = read_table(path)
        kept = _unsmoothed(header)
        self._header, self._rows = [header[at] for at in kept], [[row[at] for at in kept] for row in rows]
        if not self._rows:
            raise InputError(f"{path}: expected at least one row below the header, got none.")
        table = Columns(path, self._header, self._rows)
        whole = Columns(path, header, rows)
        scores, context = _with_context(scores_of(table, others=_context_labels(whole)), whole)
        media = table.texts("media") or [""] * len(self._rows)
        deployment = table.texts("deployment") or [folder_of(name) for name in media]
        time, utc = _times(table, media, times or {})
        if not utc and "snapshot" in table.plain:  # moments, whose times count from the start of each file
            deployment = media
        self.predictions = Predictions.from_columns(
            scores.classes,
            scores.p,
            time=time,
            utc=utc,
            deployment=np.array(deployment, object),
            media=np.array(media, object),
            frame=table.numbers("frame"),
            detection=_detections(table, deployment, media),
            confidence=table.numbers("detector"),
            spread=scores.spread,
            context=context,
            blank=blank_of(scores.classes, blank),
        )

    def _write(self, smoothed: Predictions, path: Path) -> None:
        assert smoothed.context is not None  # checked by `write`
        added = ["context", "context_probability", *(f"c_{name}" for name in smoothed.classes)]
        with atomic_write(path, newline="") as file:
            writer = csv.writer(file, delimiter=self._separator)
            writer.writerow([*self._header, *added])
            for row, p in zip(self._rows, smoothed.context, strict=True):
                k = int(p.argmax())
                writer.writerow([*row, smoothed.classes[k], f"{p[k]:.4f}", *(f"{v:.4f}" for v in p)])


def _unsmoothed(header: Sequence[str]) -> list[int]:
    """Positions of the columns of a table before it was smoothed."""
    context = {name for pair in _CONTEXT for name in pair}
    smoothed = set(_CONTEXT[0]) <= set(header)
    return [
        at for at, name in enumerate(header) if not (smoothed and (name in context or name.startswith("c_")))
    ]


def _context_pairs(table: Columns) -> list[tuple[int, int]]:
    """Positions of the columns of the first labels in context, each with that of its probability."""
    found = [pair for pair in _CONTEXT if set(pair) <= set(table.header)]
    return [(table.header.index(label), table.header.index(score)) for label, score in found]


def _context_labels(table: Columns) -> list[str]:
    """Labels in context of a table that has no column of probabilities for each class."""
    return list(dict.fromkeys(name for at, _ in _context_pairs(table) for name in table.column(at) if name))


def _with_context(scores: Scores, table: Columns) -> tuple[Scores, NDArray[np.float64] | None]:
    """Scores, and the context probabilities [N, K] of a table that was smoothed before; None of another.

    A roll-up, or a memory, may have brought classes that the classifier's labels do not have.
    """
    if len(_unsmoothed(table.header)) == len(table.header):
        return scores, None
    names = [name.removeprefix("c_") for name in table.header if name.startswith("c_")]
    if not names:
        found = first_labels(table, _context_pairs(table), others=scores.classes)
        known = _with_classes(scores, found.classes)
        return known, found.p[:, [found.classes.index(name) for name in known.classes]]
    if not set(scores.classes) <= set(names):
        return scores, None
    known = _with_classes(scores, names)
    context = distributions(table, [table.header.index(f"c_{name}") for name in known.classes], known.classes)
    return known, context.p


def _with_classes(scores: Scores, names: Sequence[str]) -> Scores:
    """Scores, with a probability of 0 for the classes that they lack."""
    classes = (*scores.classes, *(name for name in names if name not in scores.classes))
    p = np.zeros((len(scores.p), len(classes)))
    p[:, : len(scores.classes)] = scores.p
    return Scores(classes, p, scores.spread)


def _times(
    table: Columns, media: Sequence[str], times: Mapping[str, float]
) -> tuple[NDArray[np.float64], bool]:
    """Seconds of each row, and whether they count from 1970."""
    dates = table.texts("datetime")
    if dates is None and "utc" in table.plain and all(table.column(table.plain.index("utc"))):
        dates = table.column(table.plain.index("utc"))
    if dates is not None:
        return np.array(
            [seconds_of(text, f"{table.path}: row {n + 2}") for n, text in enumerate(dates)]
        ), True
    if times:
        return np.array([times.get(name, math.nan) for name in media]), True
    seconds = table.numbers("time")
    return (np.full(len(table.rows), math.nan) if seconds is None else seconds), False


def _detections(table: Columns, deployment: Sequence[str], media: Sequence[str]) -> NDArray[np.int32]:
    """-1 where each picture has one row; else the number of each row in its picture."""
    frames = table.numbers("frame")
    times = table.texts("datetime") or table.texts("time") or [""] * len(media)
    keys = [
        (place, name, *(() if frames is None else (frames[row],)), times[row])
        for row, (place, name) in enumerate(zip(deployment, media, strict=True))
    ]
    counts: dict[object, int] = {}
    numbers = np.empty(len(keys), np.int32)
    for row, key in enumerate(keys):
        numbers[row] = counts.get(key, 0)
        counts[key] = int(numbers[row]) + 1
    alone = np.array([counts[key] == 1 or not key[1] for key in keys])
    numbers[alone] = -1
    return numbers
