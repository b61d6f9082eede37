"""Content of a report: columns of all rows, and the runs of rows that the page lists."""

import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..output.palette import HATCHES, NOTHING, Paint, palette
from ..predictions import Predictions
from .past_moments import known_method, past_moments
from .results_folder import FolderResults, QueueEntry
from .row_runs import Runs, disagreement_runs, event_runs, shown_rows

EXPLAINED = 24
"""Disagreements whose past moments are shown: the longest ones."""
_CLASSES = 4
"""Classes of which an entry lists the probabilities."""
_DATED = 1e8
"""Times of more seconds than this count from 1970, not from the start of a file."""

Content = dict[str, Any]


def report_content(results: FolderResults, table: Predictions) -> Content:
    """Content of a report's page, ready for JSON.

    Args:
        results: Results of the folder.
        table: Their predictions in stream order.

    Returns:
        The content; `digest` names it.
    """
    assert table.context is not None
    shown = shown_rows(table)
    paints = _paints(table)
    differing, events = disagreement_runs(table), event_runs(table, shown)
    queue = _queue(table, results.queue)
    places, place_of = _numbered(table.deployment)
    media, medium_of = _numbered(_pairs(table))
    names = set(table.media.tolist())
    spans = bool(shown.all()) and len(names) == len(media) and "" not in names
    content: Content = {
        "classes": list(table.classes),
        "background": [name in ("unknown", "blank") or name == table.blank for name in table.classes],
        "paints": [[paints[name].fill, HATCHES.index(paints[name].hatch)] for name in table.classes],
        "deployments": [[name, *_bounds(place_of, number)] for number, name in enumerate(places)],
        "media": _media(results, table, media, medium_of),
        "columns": _columns(table, shown, medium_of),
        "spans": spans,
        "disagreements": _disagreements(table, differing),
        "events": [
            [*bounds, top]
            for bounds, top in zip(_each(events), _probabilities(table, events, shown), strict=True)
        ],
        "queue": queue,
        "absent": len(results.queue) - len(queue),
    }
    content["digest"] = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    return content


def _paints(table: Predictions) -> dict[str, Paint]:
    """Paints of the classes; those that are some row's label have the first ones, which are the most different."""
    used = {int(k) for context in (False, True) for k in np.unique(table.labels(context=context))}
    order = sorted(range(len(table.classes)), key=lambda k: (k not in used, k))
    paints = palette([table.classes[k] for k in order])
    if table.blank is not None:
        paints[table.blank] = Paint(NOTHING["blank"], "")
    return paints


def _pairs(table: Predictions) -> NDArray[np.object_]:
    pairs = np.empty(len(table), object)
    pairs[:] = list(zip(table.deployment.tolist(), table.media.tolist(), strict=True))
    return pairs


def _numbered(values: NDArray[np.object_]) -> tuple[list[Any], NDArray[np.int64]]:
    """Different values in the order of their first rows, and the number of each row's value."""
    numbers: dict[Any, int] = {}
    found = np.array([numbers.setdefault(value, len(numbers)) for value in values.tolist()], np.int64)
    return list(numbers), found


def _bounds(numbers: NDArray[np.int64], number: int) -> list[int]:
    """First row of a number and the row after its last one, in a column that rises."""
    return [int(np.searchsorted(numbers, number, "left")), int(np.searchsorted(numbers, number, "right"))]


def _media(
    results: FolderResults, table: Predictions, media: Sequence[tuple[str, str]], medium_of: NDArray[np.int64]
) -> list[list[Any]]:
    """Name, first time, clock of each medium, and the seconds from the table's clock to that one.

    Clocks: "local", "utc", "results" (as the results file says, whose zone is not known), or "" for the position in the
    file.
    """
    first = np.full(len(media), np.inf)
    np.minimum.at(first, medium_of, np.where(np.isnan(table.time), np.inf, table.time))
    found: list[list[Any]] = []
    for pair, start in zip(media, first.tolist(), strict=True):
        offset = results.local.get(pair)
        if math.isinf(start):
            clock = ""
        elif table.utc:
            clock = "local" if offset is not None else "utc" if results.watched else "results"
        else:
            clock, offset = ("local" if start >= _DATED else ""), None
        found.append([pair[1], None if math.isinf(start) else round(start, 3), clock, offset or 0.0])
    return found


def _columns(table: Predictions, shown: NDArray[np.bool_], medium_of: NDArray[np.int64]) -> Content:
    """Columns of all rows; probabilities in thousandths."""
    assert table.context is not None
    media = [[medium, sum(1 for _ in run)] for medium, run in itertools.groupby(medium_of.tolist())]
    columns: Content = {
        "media": media,
        "frame": table.frame.tolist(),
        "time": [None if math.isnan(t) else round(t, 3) for t in table.time.tolist()],
        "duration": [0 if math.isnan(t) else round(t, 3) for t in table.duration.tolist()],
        "snapshot": table.labels().tolist(),
        "context": table.labels(context=True).tolist(),
        "p": _thousandths(table.probabilities.max(1)),
        "q": _thousandths(table.context.max(1)),
    }
    if (table.detection >= 0).any():
        columns["detection"] = table.detection.tolist()
    if not shown.all():
        columns["shown"] = shown.astype(int).tolist()
    return columns


def _thousandths(p: NDArray[np.float32]) -> list[int]:
    return [int(value) for value in np.round(1000 * np.clip(p, 0, 1))]


def _each(runs: Runs) -> list[tuple[int, int]]:
    return list(zip(runs.start.tolist(), runs.stop.tolist(), strict=True))


def _probabilities(
    table: Predictions, runs: Runs, counted: NDArray[np.bool_] | None = None
) -> list[list[list[int]]]:
    """Of each run the classes with the largest mean probabilities, each with both of them in thousandths.

    Args:
        table: Predictions in stream order, with a context.
        runs: R runs.
        counted: Rows that are counted [N]; None for all.

    Returns:
        [R] lists of class, snapshot and context probability, the most probable class first.
    """
    assert table.context is not None
    if not len(runs):
        return []
    weight = np.ones(len(table)) if counted is None else counted.astype(np.float64)
    total = _sums(weight[:, None], runs)
    p, q = (_sums(one * weight[:, None], runs) / total for one in (table.probabilities, table.context))
    first = np.argsort(-np.maximum(p, q), axis=1, kind="stable")[:, :_CLASSES]
    in_thousand = [np.round(1000 * np.take_along_axis(one, first, 1)).astype(np.int64) for one in (p, q)]
    return [
        [list(one) for one in zip(*columns, strict=True) if one[1] or one[2]]
        for columns in zip(first.tolist(), *(one.tolist() for one in in_thousand), strict=True)
    ]


def _sums(values: NDArray[np.float64], runs: Runs) -> NDArray[np.float64]:
    """Sums of values [N, K] over the rows of each run [R, K]."""
    padded = np.concatenate([values, np.zeros_like(values[:1])])
    bounds = np.stack([runs.start, runs.stop], 1).ravel()
    return np.asarray(np.add.reduceat(padded, bounds, axis=0)[::2])


def _disagreements(table: Predictions, runs: Runs) -> list[list[Any]]:
    """Disagreements with the probabilities of both labels, and, of the longest ones, the past moments."""
    method = known_method(table)
    longest = set(np.argsort(-(runs.stop - runs.start), kind="stable")[:EXPLAINED].tolist())
    found: list[list[Any]] = []
    for number, ((start, stop), top) in enumerate(zip(_each(runs), _probabilities(table, runs), strict=True)):
        past: Sequence[Any] | None = None
        if method is not None and number in longest:
            past = [
                [one.start, one.stop, round(one.contribution, 2)]
                for one in past_moments(table, method, start)
            ]
        found.append([start, stop, top, past])
    return found


def _queue(table: Predictions, entries: Sequence[QueueEntry]) -> list[list[Any]]:
    """Rows of a review queue that are in the table, in its order."""
    if not entries:
        return []
    columns = (table.deployment, table.media, table.frame, table.detection)
    keys = zip(*(column.tolist() for column in columns), strict=True)
    rows = {key: row for row, key in enumerate(keys)}
    known = [(row, one) for one in entries if (row := rows.get(_key(one))) is not None]
    at = np.array([row for row, _ in known], np.int64)
    found: list[list[Any]] = []
    for (row, one), top in zip(known, _probabilities(table, Runs(at, at + 1)), strict=True):
        gain = None if math.isnan(one.gain) else round(one.gain, 4)
        found.append([row, row + 1, top, gain, one.ask, one.label])
    return found


def _key(entry: QueueEntry) -> tuple[str, str, int, int]:
    return entry.deployment, entry.media, entry.frame, entry.detection
