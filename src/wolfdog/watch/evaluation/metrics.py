"""Accuracy on moments that a single frame cannot decide, by the gap since the last informative frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]

GAPS: tuple[tuple[int, int], ...] = ((1, 10), (10, 30), (30, 100), (100, 300), (300, 1000), (1000, 3000))
"""Buckets of gaps in frames, [lo, hi): from lo up to, not including, hi."""

ENOUGH = 300
"""Moments that a bucket needs before its accuracy is taken to mean something."""


def gap_since(informative: Mask) -> Labels:
    """Frames since the last informative frame of one deployment [F]: 0 on such a frame, -1 before the first.

    Args:
        informative: Whether each frame is informative [F].

    Returns:
        The gaps.

    Examples:
        >>> gap_since(np.array([False, True, False, False, True])).tolist()
        [-1, 0, 1, 2, 0]
    """
    frame = np.arange(len(informative))
    last = np.maximum.accumulate(np.where(informative, frame, -1))
    return np.where(last < 0, -1, frame - last)


@dataclass(frozen=True)
class GapTable:
    """Balanced accuracy on ambiguous moments, by the gap since the last informative frame.

    Args:
        gaps: Buckets of gaps, [lo, hi) frames.
        counts: Number of ambiguous moments in each bucket.
        accuracy: For each observer and bucket the share of moments with the true label, in which every true label has
            the same weight; None in an empty bucket.
    """

    gaps: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    accuracy: dict[str, tuple[float | None, ...]]


def gap_table(
    right: dict[str, Mask],
    truth: Labels,
    gap: Labels,
    ambiguous: Mask,
    gaps: Sequence[tuple[int, int]] = GAPS,
) -> GapTable:
    """Balanced accuracy on the ambiguous moments, by gap.

    Args:
        right: For each observer, whether its label is the true one [F].
        truth: True labels [F].
        gap: Gaps since the last informative frame [F].
        ambiguous: Whether a single frame cannot decide the label [F].
        gaps: Buckets of gaps, [lo, hi) frames.

    Returns:
        The table.

    Examples:
        >>> truth, gap, every = np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([True, True, True])
        >>> table = gap_table({"guess": np.array([True, True, False])}, truth, gap, every)
        >>> table.counts[:2], table.accuracy["guess"][:2]
        ((3, 0), (0.5, None))
    """
    buckets = [ambiguous & (lo <= gap) & (gap < hi) for lo, hi in gaps]
    return GapTable(
        tuple((int(lo), int(hi)) for lo, hi in gaps),
        tuple(int(bucket.sum()) for bucket in buckets),
        {
            name: tuple(balanced_share(hits, bucket, truth) for bucket in buckets)
            for name, hits in right.items()
        },
    )


def balanced_share(hits: Mask, among: Mask, truth: Labels) -> float | None:
    """Share of hits among chosen moments, averaged over their true labels.

    An observer that always gives one of two labels has a balanced share of one half, however often each label occurs.

    Args:
        hits: Hits [F].
        among: The chosen moments [F].
        truth: True labels [F].

    Returns:
        The share; None without moments.

    Examples:
        >>> always_wolf, truth = np.array([True, True, True, False]), np.array([0, 0, 0, 1])
        >>> balanced_share(always_wolf, np.ones(4, bool), truth)
        0.5
    """
    shares = [share(hits, among & (truth == label)) for label in np.unique(truth[among])]
    return float(np.mean([value for value in shares if value is not None])) if shares else None


def share(hits: Mask, among: Mask) -> float | None:
    """Share of hits among chosen moments.

    Args:
        hits: Hits [F].
        among: The chosen moments [F].

    Returns:
        The share; None without moments.

    Examples:
        >>> share(np.array([True, False]), np.array([True, True]))
        0.5
    """
    return float(hits[among].mean()) if among.any() else None


def confusion(truth: Labels, predicted: Labels, classes: int) -> Labels:
    """Confusion matrix [classes, classes] of the labelled moments: rows are true classes, columns predicted ones.

    Args:
        truth: True labels [F]; negative where there is none.
        predicted: Predicted labels [F].
        classes: Number of classes.

    Returns:
        Counts of moments.

    Examples:
        >>> confusion(np.array([0, 0, 1, -100]), np.array([0, 1, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    known = truth >= 0
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (truth[known], predicted[known]), 1)
    return table
