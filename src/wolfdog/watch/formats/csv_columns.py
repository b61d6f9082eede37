"""Columns of a CSV table of predictions by their meaning, and the class scores in them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

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
    ("snapshot", "snapshotprobability"),  # moments
    *((label, score) for label in ("label", "prediction", "species", "class", "scientificname") for score in (
        "score", "confidence", "probability", "classificationprobability",
    )),
)  # fmt: skip
_RANKED = re.compile(r"(?:label|prediction|class|top)(\d{1,4})(label|prediction|class)?$")
_RANKED_SCORE = re.compile(
    r"(?:score|confidence|probability|prob)(\d{1,4})$|top(\d{1,4})(?:score|confidence|prob)$"
)
_SUM_TOLERANCE = 0.02


class Columns:
    """Columns of a table by their meaning.

    Args:
        path: Of the table, for messages.
        header: Names of its columns.
        rows: Its rows.
    """

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
class Scores:
    """Class scores of the rows of a table.

    Attributes:
        classes: K names.
        p: Probabilities [N, K].
        spread: Probability [N] that the table gave to no class.
    """

    classes: tuple[str, ...]
    p: NDArray[np.float64]
    spread: NDArray[np.float64]


def scores_of(table: Columns, *, others: Sequence[str] = ()) -> Scores:
    """Class scores of a table.

    Args:
        table: Its columns.
        others: Classes that may occur besides those of its labels.

    Returns:
        The scores.

    Raises:
        InputError: It has none.
    """
    wide = [at for at, name in enumerate(table.header) if name.startswith("p_")]
    if wide:
        return distributions(table, wide, [table.header[at][2:] for at in wide])
    pairs = _ranked_pairs(table)
    if pairs:
        return first_labels(table, pairs, others=others)
    wide = [at for at in range(len(table.header)) if at not in table.known() and _is_numeric(table, at)]
    if len(wide) >= 2:
        return distributions(table, wide, [table.header[at] for at in wide])
    raise InputError(
        f"{table.path}: found no predictions: expected columns p_<class>, or label and score, or a column of "
        f"probabilities for each class; got {', '.join(table.header)}."
    )


def distributions(table: Columns, places: Sequence[int], names: Sequence[str]) -> Scores:
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
    return Scores(tuple(names), p / total[:, None], np.zeros(len(p)))


def _ranked_pairs(table: Columns) -> list[tuple[int, int]]:
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


def first_labels(table: Columns, pairs: Sequence[tuple[int, int]], *, others: Sequence[str] = ()) -> Scores:
    """Probabilities from the first labels and their scores; the rest is spread over the other classes.

    Args:
        table: Columns.
        pairs: Positions of a column of labels and that of its scores, the first labels first.
        others: Classes that may occur besides.

    Returns:
        The scores.

    Raises:
        InputError: There are fewer than two classes, or a score is not from 0 to 1.
    """
    labels = [table.column(label) for label, _ in pairs]
    scores = [table.numbers_at(score) for _, score in pairs]
    classes = tuple(dict.fromkeys([*(name for column in labels for name in column if name), *others]))
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
        rest = p[row] == 0
        if total >= 1 or not rest.any():
            p[row] /= total
        else:
            p[row, rest] = (1 - total) / rest.sum()
            spread[row] = 1 - total
    return Scores(classes, p, spread)


def _is_numeric(table: Columns, at: int) -> bool:
    for text in table.column(at)[:50]:
        try:
            if not 0 <= float(text) <= 1:
                return False
        except ValueError:
            return False
    return True
