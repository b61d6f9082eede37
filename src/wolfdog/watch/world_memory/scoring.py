"""Scores of labels over streams: balanced accuracy by degradation, flips and calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import ShapeError

from ..evaluation.metrics import balanced_share
from .streams import Integers

Probabilities = NDArray[np.floating]


@dataclass(frozen=True)
class Score:
    """Scores of probabilities on some frames.

    Attributes:
        balanced: Mean over the classes of the share of their frames with the right label.
        canines: The same over some classes alone; None if none of their frames occurs.
        accuracy: Share of frames with the right label.
        calibration: Expected calibration error.
        frames: Number of frames.
    """

    balanced: float
    canines: float | None
    accuracy: float
    calibration: float
    frames: int


def score(
    p: Probabilities, labels: Integers, among: NDArray[np.bool_], canines: tuple[int, ...] = ()
) -> Score | None:
    """Score of probabilities on chosen labelled frames.

    Args:
        p: Probabilities [..., K].
        labels: Labels [...]; negative if unknown.
        among: The chosen frames [...].
        canines: Classes of the second balanced accuracy.

    Returns:
        The score; None without frames.

    Examples:
        >>> p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> result = score(p, np.array([0, 1, 1]), np.ones(3, bool))
        >>> result.balanced, round(result.accuracy, 2)
        (0.75, 0.67)
    """
    if p.shape[:-1] != labels.shape or among.shape != labels.shape:
        raise ShapeError(
            f"score: expected probabilities [..., K] for labels {list(labels.shape)}, got {list(p.shape)} and "
            f"frames {list(among.shape)}."
        )
    known = among & (labels >= 0)
    if not known.any():
        return None
    hits = p.argmax(-1) == labels
    balanced = balanced_share(hits, known, labels)
    of_canines = balanced_share(hits, known & np.isin(labels, canines), labels)
    return Score(
        float(balanced or 0.0), of_canines, float(hits[known].mean()), calibration_error(p[known], labels[known]),
        int(known.sum()),
    )  # fmt: skip


def calibration_error(p: Probabilities, labels: Integers, bins: int = 15) -> float:
    """Expected calibration error of probabilities.

        ECE = Σ_b n_b / N |accuracy_b - confidence_b|

    over `bins` bins of the greatest probability, of equal width.

    Source: Guo et al. 2017, "On calibration of modern neural networks".

    Args:
        p: Probabilities [N, K].
        labels: Labels [N].
        bins: Number of bins.

    Returns:
        The error.

    Examples:
        >>> round(calibration_error(np.array([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1])), 3)
        0.3
    """
    sure, right = p.max(-1), p.argmax(-1) == labels
    bin_of = np.minimum((sure * bins).astype(int), bins - 1)
    miss = np.zeros(bins)
    np.add.at(miss, bin_of, right - sure)
    return float(np.abs(miss).sum() / len(labels))


def flips_a_minute(labels: Integers, seconds: NDArray[np.floating]) -> float:
    """Label changes per minute along streams.

    Args:
        labels: Labels [T, N].
        seconds: Seconds since the frame before [T, N].

    Returns:
        The rate.

    Examples:
        >>> flips_a_minute(np.array([[0], [1], [1], [0]]), np.full((4, 1), 10.0))
        4.0
    """
    minutes = float(np.nansum(seconds[1:])) / 60
    return float((np.diff(labels, axis=0) != 0).sum()) / minutes if minutes > 0 else 0.0
