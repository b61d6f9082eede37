"""Tables of predictions as CSV: a column of probabilities for each class, or the first labels with their scores."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError
from wolfdog.text_files.camera_time import folder_of, seconds_of
from wolfdog.text_files.delimited_text import read_table

from ..predictions import Predictions
from .blank_names import blank_of
from .results import Results

_COLUMNS = {
    "media": ("media", "file", "filepath", "filename", "image", "video", "path", "mediaid"),
    "deployment": ("deployment", "deploymentid", "site", "station", "location", "camera", "locationid"),
    "datetime": ("datetime", "timestamp", "datetimeoriginal", "date", "eventstart"),
    "time": ("time", "seconds", "start"),
    "frame": ("frame", "framenumber"),
    "detector": ("conf", "detectionconfidence", "confidencedetection"),
}
_LABELS = (
    ("predictionbase", "scorebase"),  # DeepFaune, before its own vote
    *((label, score) for label in ("label", "prediction", "species", "class", "scientificname") for score in (
        "score", "confidence", "probability", "classificationprobability",
    )),
)  # fmt: skip
_RANKED = re.compile(r"(?:label|prediction|class|top)(\d+)(label|prediction|class)?$")
_RANKED_SCORE = re.compile(r"(?:score|confidence|probability|prob)(\d+)$|top(\d+)(?:score|confidence|prob)$")
_SUM_TOLERANCE = 0.02


class CSVTable(Results):
    """Table of predictions as CSV: zamba's, DeepFaune's, animl's, or a table of the user's own.

    Columns are found by their names; case, spaces and underscores do not matter. `file` (or filepath, filename, media,
    video, ...) names the picture. `deployment` (or site, station, location, camera) names the camera; without it, the
    folder of the file does. `datetime` (or timestamp, date) is the time, or `time` in seconds. The classes are

    - the columns whose names begin with `p_`; or
    - one label with its score (`label` and `score`, `prediction` and `confidence`, `predictionbase` and
      `scorebase`), or several, `label1` and `score1`, `label2` and `score2`; the rest of the probability is spread
      over the other classes (`Predictions.spread`); or
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
        table = _Columns(path, self._header, self._rows)
        scores, context = _with_context(_scores(table), _Columns(path, header, rows))
        media = table.texts("media") or [""] * len(self._rows)
        deployment = table.texts("deployment") or [folder_of(name) for name in media]
        time, utc = _times(table, media, times or {})
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
    smoothed = {"context", "context_probability"} <= set(header)
    return [
        at
        for at, name in enumerate(header)
        if not (smoothed and (name in ("context", "context_probability") or name.startswith("c_")))
    ]


def _with_context(scores: "_Scores", table: "_Columns") -> "tuple[_Scores, NDArray[np.float64] | None]":
    """Scores, and the context probabilities [N, K] of a table that was smoothed before; None of another.

    A roll-up may have brought classes that the classifier does not have.
    """
    if len(_unsmoothed(table.header)) == len(table.header):
        return scores, None
    names = [name.removeprefix("c_") for name in table.header if name.startswith("c_")]
    if not set(scores.classes) <= set(names):
        return scores, None
    classes = (*scores.classes, *(name for name in names if name not in scores.classes))
    p = np.zeros((len(scores.p), len(classes)))
    p[:, : len(scores.classes)] = scores.p
    context = _distributions(table, [table.header.index(f"c_{name}") for name in classes], classes).p
    return _Scores(classes, p, scores.spread), context


class _Columns:
    """Columns of a table by their meaning."""

    def __init__(self, path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.path, self.header, self.rows = path, header, rows
        self.plain = [re.sub(r"[\s_.]+", "", name.lower()) for name in header]
        self._found = {
            meaning: next((self.plain.index(name) for name in names if name in self.plain), None)
            for meaning, names in _COLUMNS.items()
        }

    def known(self) -> set[int]:
        """Positions of the columns that have a meaning beside classes."""
        return {at for at in self._found.values() if at is not None}

    def column(self, at: int) -> list[str]:
        return [row[at].strip() for row in self.rows]

    def texts(self, meaning: str) -> list[str] | None:
        at = self._found[meaning]
        return None if at is None else self.column(at)

    def numbers(self, meaning: str) -> NDArray[np.float64] | None:
        at = self._found[meaning]
        return None if at is None else self.numbers_at(at)

    def numbers_at(self, at: int) -> NDArray[np.float64]:
        """Column of numbers; an empty field is NaN.

        Raises:
            InputError: A field is no number.
        """
        values = np.empty(len(self.rows))
        for row, text in enumerate(self.column(at)):
            try:
                values[row] = math.nan if text in ("", "NA", "NaN", "nan") else float(text)
            except ValueError:
                raise InputError(
                    f"{self.path}: row {row + 2}, column {self.header[at]!r}: expected a number, got {text!r}."
                ) from None
        return values


@dataclass(frozen=True)
class _Scores:
    classes: tuple[str, ...]
    p: NDArray[np.float64]
    spread: NDArray[np.float64]


def _scores(table: _Columns) -> _Scores:
    wide = [at for at, name in enumerate(table.header) if name.startswith("p_")]
    if wide:
        return _distributions(table, wide, [table.header[at][2:] for at in wide])
    pairs = _ranked_pairs(table)
    if pairs:
        return _first_labels(table, pairs)
    wide = [at for at in range(len(table.header)) if at not in table.known() and _is_numeric(table, at)]
    if len(wide) >= 2:
        return _distributions(table, wide, [table.header[at] for at in wide])
    raise InputError(
        f"{table.path}: found no predictions: expected columns p_<class>, or label and score, or a column of "
        f"probabilities for each class; got {', '.join(table.header)}."
    )


def _distributions(table: _Columns, places: Sequence[int], names: Sequence[str]) -> _Scores:
    """Probabilities from a column for each class; rows are divided by their sums to correct rounding."""
    p = np.stack([table.numbers_at(at) for at in places], 1)
    total = p.sum(1)
    bad = ~((p >= 0).all(1) & (np.abs(total - 1) <= _SUM_TOLERANCE))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"{table.path}: row {row + 2}: expected probabilities of 0 or more that sum to 1 in the columns "
            f"{', '.join(table.header[at] for at in places)}, got a sum of {total[row]:.4g}."
        )
    return _Scores(tuple(names), p / total[:, None], np.zeros(len(p)))


def _ranked_pairs(table: _Columns) -> list[tuple[int, int]]:
    """Columns of labels, each with that of its score, the first label first."""
    for label, score in _LABELS:
        if label in table.plain and score in table.plain:
            return [(table.plain.index(label), table.plain.index(score))]
    labels = {found[1]: at for at, name in enumerate(table.plain) if (found := _RANKED.match(name))}
    scores = {
        found[1] or found[2]: at
        for at, name in enumerate(table.plain)
        if (found := _RANKED_SCORE.match(name))
    }
    return [(labels[rank], scores[rank]) for rank in sorted(labels, key=int) if rank in scores]


def _first_labels(table: _Columns, pairs: Sequence[tuple[int, int]]) -> _Scores:
    """Probabilities from the first labels and their scores; the rest is spread over the other classes."""
    labels = [table.column(label) for label, _ in pairs]
    scores = [table.numbers_at(score) for _, score in pairs]
    classes = tuple(dict.fromkeys(name for column in labels for name in column if name))
    if len(classes) < 2:
        raise InputError(
            f"{table.path}: expected labels of two classes or more in the column {table.header[pairs[0][0]]!r}, got "
            f"{', '.join(classes) or 'none'}."
        )
    index = {name: k for k, name in enumerate(classes)}
    p, spread = np.zeros((len(table.rows), len(classes))), np.zeros(len(table.rows))
    for row in range(len(table.rows)):
        for column, score in zip(labels, scores, strict=True):
            value = score[row]
            if not column[row] or math.isnan(value):
                continue
            if not 0 <= value <= 1:
                raise InputError(f"{table.path}: row {row + 2}: expected a score from 0 to 1, got {value:g}.")
            p[row, index[column[row]]] += value
        total = p[row].sum()
        others = p[row] == 0
        if total >= 1 or not others.any():
            p[row] /= total
        else:
            p[row, others] = (1 - total) / others.sum()
            spread[row] = 1 - total
    return _Scores(classes, p, spread)


def _is_numeric(table: _Columns, at: int) -> bool:
    for text in table.column(at)[:50]:
        try:
            if not 0 <= float(text) <= 1:
                return False
        except ValueError:
            return False
    return True


def _times(
    table: _Columns, media: Sequence[str], times: Mapping[str, float]
) -> tuple[NDArray[np.float64], bool]:
    """Seconds of each row, and whether they count from 1970."""
    dates = table.texts("datetime")
    if dates is not None:
        return np.array(
            [seconds_of(text, f"{table.path}: row {n + 2}") for n, text in enumerate(dates)]
        ), True
    if times:
        return np.array([times.get(name, math.nan) for name in media]), True
    seconds = table.numbers("time")
    return (np.full(len(table.rows), math.nan) if seconds is None else seconds), False


def _detections(table: _Columns, deployment: Sequence[str], media: Sequence[str]) -> NDArray[np.int32]:
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
