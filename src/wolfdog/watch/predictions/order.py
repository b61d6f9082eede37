"""Order of the rows of a predictions table."""

import numpy as np
from numpy.typing import NDArray


def deployment_rows(deployment: NDArray[np.object_]) -> list[NDArray[np.int64]]:
    """Positions of each deployment's rows; deployments in the order of their first rows."""
    if not len(deployment):
        return []
    names, inverse = np.unique(deployment, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(names) + 1))
    groups = [order[bounds[i] : bounds[i + 1]] for i in range(len(names))]
    return sorted(groups, key=lambda rows: int(rows[0]))


def time_order(
    media: NDArray[np.object_],
    frame: NDArray[np.int64],
    time: NDArray[np.float64],
    detection: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Order of one deployment's rows by time, with each frame's rows together, in the order of `detection`.

    Frames of equal or unknown time keep their order; unknown times come last.

    Args:
        media: Media [N].
        frame: Numbers of the frames [N].
        time: Seconds [N]; NaN if unknown.
        detection: Numbers of the detections [N].

    Returns:
        Positions [N].
    """
    keys: dict[tuple[str, int], int] = {}
    frames = zip(media.tolist(), frame.tolist(), strict=True)
    first = np.array([keys.setdefault(key, len(keys)) for key in frames], np.int64)
    start = np.full(len(keys), np.inf)
    np.minimum.at(start, first, np.where(np.isnan(time), np.inf, time))
    return np.lexsort((detection, first, start[first]))


def run_numbers(*columns: NDArray[np.object_] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the run of equal rows that each row is in, from 0."""
    if not len(columns[0]):
        return np.zeros(0, np.int64)
    new = np.zeros(len(columns[0]) - 1, bool)
    for column in columns:
        new |= np.asarray(column[1:] != column[:-1], bool)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(new, dtype=np.int64)))


def numbers_within(places: NDArray[np.object_], names: NDArray[np.object_]) -> NDArray[np.int64]:
    """Number of each row among the rows of its deployment and media, from 0."""
    counts: dict[tuple[str, str], int] = {}
    numbers = np.empty(len(places), np.int64)
    for row, key in enumerate(zip(places.tolist(), names.tolist(), strict=True)):
        numbers[row] = counts.get(key, 0)
        counts[key] = int(numbers[row]) + 1
    return numbers
