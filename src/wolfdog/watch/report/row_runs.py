"""Runs of rows: events, and runs in which the snapshot and the context label disagree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labelling.moments_table import BACKGROUND
from ..moments import EVENT_GAP
from ..predictions import Predictions

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of rows.

    Attributes:
        start: First row of each run [R].
        stop: Row after the last one of each run [R].
    """

    start: Integers
    stop: Integers

    def __len__(self) -> int:
        return len(self.start)


def in_stream_order(table: Predictions) -> Predictions:
    """Rows of each deployment together in the order of time; deployments in the order of their first rows."""
    order = [rows for _, rows in table.stream_rows()]
    return table.take(np.concatenate(order)) if order else table


def shown_rows(table: Predictions) -> NDArray[np.bool_]:
    """Row that stands for its frame [N], of several detections the one that `moments_of` takes.

    Args:
        table: Predictions in stream order, with a context.

    Returns:
        True once in each frame.
    """
    assert table.context is not None
    named = [k for k, name in enumerate(table.classes) if name not in BACKGROUND]
    sure = table.context[:, named].max(1) if named else table.context.max(1)
    frame = table.frame_numbers()
    order = np.lexsort((-sure, frame))
    first = np.flatnonzero(np.diff(frame[order], prepend=-1))
    shown = np.zeros(len(table), bool)
    shown[order[first]] = True
    return shown


def event_runs(table: Predictions, shown: NDArray[np.bool_], *, gap: float = EVENT_GAP) -> Runs:
    """Runs of frames with one context label; as `wolfdog.watch.moments.events`.

    An event goes on into the next file of its deployment if the file begins within `gap` seconds.

    Args:
        table: Predictions in stream order, with a context.
        shown: Rows that stand for their frames.
        gap: Longest pause in seconds between two files.

    Returns:
        Runs of rows, each over all rows of its frames.
    """
    rows = np.flatnonzero(shown)
    if not len(rows):
        return Runs(rows, rows)
    label = table.labels(context=True)[rows]
    place, media = table.deployment[rows], table.media[rows]
    time = table.time[rows]
    end = time + np.nan_to_num(table.duration[rows])
    new = np.ones(len(rows), bool)
    other = media[1:] != media[:-1]
    far = ~(time[1:] - end[:-1] <= gap)  # an unknown time is far
    new[1:] = (label[1:] != label[:-1]) | (place[1:] != place[:-1]) | (other & far)
    frame = table.frame_numbers()
    starts = np.searchsorted(frame, frame[rows[new]])
    return Runs(starts, np.append(starts[1:], len(table)))


def disagreement_runs(table: Predictions) -> Runs:
    """Runs of rows of one video or image in which the context label is not the snapshot label.

    Args:
        table: Predictions in stream order, with a context.

    Returns:
        Runs, each of one snapshot label and one context label.
    """
    snapshot, context = table.labels(), table.labels(context=True)
    new = np.ones(len(table), bool)
    for column in (table.deployment, table.media, snapshot, context):
        if column is table.deployment:
            new[1:] = column[1:] != column[:-1]
        else:
            new[1:] |= np.asarray(column[1:] != column[:-1], bool)
    starts = np.flatnonzero(new)
    stops = np.append(starts[1:], len(table))[: len(starts)]
    kept = snapshot[starts] != context[starts]
    return Runs(starts[kept], stops[kept])
