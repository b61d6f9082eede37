"""Past moments that made a context label, for the disagreements of a report."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..explanation.leave_one_out import leave_runs_out
from ..predictions import Predictions
from ..smoothing import AnyClass, Method
from ..smoothing.method import Stream
from ..world_memory.method import WorldMemory

REACH = 200
"""Frames before a moment among which its past is looked for."""
_SHOWN = 4
_LEAST = 0.05
_ROUNDING = 0.005


class PastMoments(NamedTuple):
    """Frames in a row of one snapshot label that contributed to a later context label.

    Attributes:
        start: First row.
        stop: Row after the last one.
        contribution: Change of the label's log odds, above 0 where the frames speak for it.
    """

    start: int
    stop: int
    contribution: float


def known_method(table: Predictions) -> Method | None:
    """Causal recurrent memory that made a table's context and can be run again; None for other methods.

    Results files of other tools do not name the method. A memory is then taken for it if it comes to the same
    probabilities over the first frames.

    Args:
        table: Predictions in stream order, with a context.

    Returns:
        The method.
    """
    methods: list[Method] = [AnyClass()]
    if WorldMemory.knows(table.classes):
        methods.append(WorldMemory())
    if table.method:
        return next((one for one in methods if one.described(ahead=False) == table.method), None)
    return next((one for one in methods if _repeats(one, table)), None)


def _repeats(method: Method, table: Predictions) -> bool:
    """Whether a method's context of the first deployment's first frames is the table's, to rounding."""
    assert table.context is not None
    first = table.deployment == table.deployment[0]
    start = table.take(first & (table.frame_numbers() < REACH))
    assert start.context is not None
    context = method.of_stream(Stream(start), ahead=False)
    return np.allclose(context / context.sum(-1, keepdims=True), start.context, atol=_ROUNDING)


def past_moments(table: Predictions, method: Method, row: int) -> Sequence[PastMoments]:
    """Past moments with the largest contributions to the context label of a row, the largest first.

    The memory is run again over the 200 frames up to the row, without each run of them in turn. Where the memory comes
    to another label from these alone, what made the label lies further back, and nothing is returned.

    Args:
        table: Predictions in stream order, with a context.
        method: Of the context.
        row: The row.

    Returns:
        At most four.
    """
    assert table.context is not None
    frames = table.frame_numbers()
    same = np.flatnonzero(table.deployment == table.deployment[row])
    first = max(int(same[0]), int(np.searchsorted(frames, frames[row] - REACH)))
    stop = int(np.searchsorted(frames, frames[row], side="right"))
    stream = Stream(table.take(slice(first, stop)))
    at = len(stream.first) - 1
    if at < 1:
        return []
    context = method.of_stream(stream, ahead=False)
    label = int(table.context[row].argmax())
    if int(stream.mean_of_frames(context)[at].argmax()) != label:
        return []
    found = leave_runs_out(method, stream, at, label=label)
    found.sort(key=lambda run: -abs(run.contribution))
    ends = [*stream.first[1:].tolist(), len(stream.table)]
    return [
        PastMoments(first + int(stream.first[run.first]), first + int(ends[run.last]), run.contribution)
        for run in found[:_SHOWN]
        if abs(run.contribution) >= _LEAST
    ]
