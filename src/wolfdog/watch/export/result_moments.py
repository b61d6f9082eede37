"""Moments of smoothed results, whatever format they came in."""

from collections.abc import Iterator
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from ..labelling.moments_table import moments_of
from ..moments import Moment
from ..predictions import Predictions
from ..predictions.order import run_numbers
from ..video.media import Medium


def result_moments(table: Predictions) -> Iterator[Moment]:
    """Moments of a table, deployment by deployment, each in the order of time.

    Times of moments count from the start of their file; the time of the file is known where the table is in UTC. A
    frame of a video stands until the next one; the last one as long as the frames before it on average.

    Args:
        table: Predictions with a context.

    Yields:
        The moments.

    Raises:
        InputError: A video has frames without times.

    Examples:
        >>> table = Predictions.from_columns(
        ...     ["wolf", "dog"], [[0.9, 0.1], [0.4, 0.6]], time=[5, 6], media="a.mp4", context=[[0.9, 0.1], [0.7, 0.3]]
        ... )
        >>> [(moment.time, moment.snapshot, moment.context, moment.duration) for moment in result_moments(table)]
        [(0.0, 'wolf', 'wolf', 1.0), (1.0, 'dog', 'wolf', 1.0)]
    """
    starts = media_starts(table)
    for stream in table.streams():
        runs = run_numbers(stream.media)
        for number in range(int(runs.max(initial=-1)) + 1):
            part = stream.take(runs == number)
            name = str(part.media[0])
            if len(np.unique(part.frame)) > 1 and np.isnan(part.time).any():
                raise InputError(
                    f"{name}: its frames have no times, so that no events can be told. Give the times with the results."
                )
            start = starts[name]
            utc = start if table.utc else nan
            medium = Medium(Path(name), name, str(part.deployment[0]), utc=utc)
            yield from moments_of(replace(part, duration=_durations(part)), medium=medium, start=start)


def media_starts(table: Predictions) -> dict[str, float]:
    """Time of the first frame of each file; NaN where not known.

    Examples:
        >>> media_starts(Predictions.from_columns(["wolf", "dog"], [[1, 0]] * 2, time=[7, 5], media="a.mp4"))
        {'a.mp4': 5.0}
    """
    starts: dict[str, float] = {}
    for name, time in zip(table.media.tolist(), table.time.tolist(), strict=True):
        starts[name] = float(np.fmin(starts.get(name, nan), time))
    return starts


def _durations(part: Predictions) -> NDArray[np.float64]:
    """Seconds that each row's frame of one file stands, where the table does not know."""
    frame = part.frame_numbers()
    first = np.flatnonzero(np.diff(frame, prepend=-1))
    apart = np.diff(part.time[first])
    last = float(apart.mean()) if len(apart) else 0.0
    stands = np.append(apart, last)[frame]
    return np.where(np.isnan(part.duration), stands, part.duration)
