"""Average precision of frames ranked by the probability of a class, plain and calibrated."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def average_precision(scores: Floats, positive: NDArray[np.bool_], *, weight: float = 1.0) -> float:
    """Average precision of a ranking; NaN where nothing is positive.

        AP  = Σ_n (R_n - R_{n-1}) P_n        P_n = w TP_n / (w TP_n + FP_n)

    over the thresholds n, from the highest score down; rows of equal score share a threshold. R is recall. With w = 1,
    P is precision.

    Args:
        scores: [N].
        positive: [N], whether the row is of the class.
        weight: W.

    Examples:
        >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
        0.8333333333333333
    """
    count = int(positive.sum())
    if not count:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    right = positive[order].cumsum()
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # last row of each threshold
    tp = right[last].astype(np.float64)
    fp = last + 1 - tp
    recall = tp / count
    precision = weight * tp / (weight * tp + fp)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def calibrated_average_precision(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Calibrated average precision: precision as if there were as many rows of the class as of all others.

    w is the number of rows of other classes for each row of this class; NaN where nothing is positive.

    Source: De Geest et al. (2016), "Online action detection", section 5.

    Examples:
        >>> calibrated_average_precision(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, False, True]))
        0.75
    """
    count = int(positive.sum())
    if not count:
        return float("nan")
    if count == len(positive):
        return 1.0
    return average_precision(scores, positive, weight=(len(positive) - count) / count)


def mean_average_precisions(
    probabilities: Floats, truth: NDArray[np.int64], *, leave_out: int | None = None
) -> tuple[float | None, float | None]:
    """mAP and mcAP: means of average precision and calibrated average precision over the classes that occur.

    Args:
        probabilities: [N, K].
        truth: [N] positions of the true classes.
        leave_out: The background class, which is no event to detect.

    Examples:
        >>> mean_average_precisions(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))
        (1.0, 1.0)
    """
    classes = [int(k) for k in np.unique(truth) if k != leave_out]
    if not classes:
        return None, None
    plain = [average_precision(probabilities[:, k], truth == k) for k in classes]
    calibrated = [calibrated_average_precision(probabilities[:, k], truth == k) for k in classes]
    return float(np.mean(plain)), float(np.mean(calibrated))
