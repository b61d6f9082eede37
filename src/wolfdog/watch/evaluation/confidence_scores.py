"""Scores of probabilities: calibration error, log loss, and error against coverage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)
"""Shares of the rows whose error is reported."""
_LEAST = 1e-12


@dataclass(frozen=True)
class Reliability:
    """Bins of confidence: how sure the labels are, and how often they are right.

    Attributes:
        confidence: [bins] mean probability of the label; NaN in an empty bin.
        accuracy: [bins] share of right labels.
        count: [bins].
    """

    confidence: Floats
    accuracy: Floats
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: Σ_b n_b / N |accuracy_b - confidence_b|."""
        some = self.count > 0
        gap = np.abs(self.accuracy[some] - self.confidence[some])
        return float((gap * self.count[some]).sum() / max(self.count.sum(), 1))


def reliability(confidence: Floats, right: NDArray[np.bool_], *, bins: int = BINS) -> Reliability:
    """Reliability of labels in bins of equal width.

    Source: Guo et al. (2017), "On calibration of modern neural networks".

    Args:
        confidence: [N] probability of the label.
        right: [N], whether it is right.
        bins: Number of bins; each holds its upper end.

    Examples:
        >>> round(reliability(np.array([0.9, 0.9, 0.6]), np.array([True, False, True])).error, 3)
        0.4
    """
    number = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        sure = np.bincount(number, confidence, bins) / count
        hits = np.bincount(number, right.astype(np.float64), bins) / count
    return Reliability(sure, hits, count)


def log_loss(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Mean of -log p of the true class, in nats; probabilities below 1e-12 are raised to it.

    Examples:
        >>> round(log_loss(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])), 4)
        0.4904
    """
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(chosen.clip(_LEAST, 1.0)).mean())


def brier_score(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Mean squared distance of the probabilities from the true class, 0 to 2 (Brier 1950).

    Examples:
        >>> brier_score(np.array([[0.5, 0.5]]), np.array([0]))
        0.5
    """
    off = probabilities.copy()
    off[np.arange(len(truth)), truth] -= 1
    return float((off**2).sum(1).mean())


@dataclass(frozen=True)
class RiskCurve:
    """Error among the surest labels against the share of labels that these are.

    Attributes:
        threshold: [M] least confidence of the labels kept, falling; labels of equal confidence stay together.
        coverage: [M] share of labels kept.
        risk: [M] share of wrong labels among them.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """Area under the curve: mean risk over all coverages (Geifman and El-Yaniv 2017)."""
        return float((np.diff(self.coverage, prepend=0.0) * self.risk).sum())

    def risk_at(self, coverage: float) -> float | None:
        """Risk of the smallest set of labels that covers at least so much; None of an empty curve."""
        if not len(self.coverage):
            return None
        return float(self.risk[np.searchsorted(self.coverage, coverage - 1e-9)])

    def threshold_for(self, risk: float) -> float:
        """Least threshold from which up the labels have at most this risk; infinite where there is none."""
        fine = np.flatnonzero(self.risk <= risk)
        return float(self.threshold[fine[-1]]) if len(fine) else float("inf")


def risk_curve(confidence: Floats, right: NDArray[np.bool_]) -> RiskCurve:
    """Coverage and risk of labels when those below a threshold of confidence are left to a person.

    Source: El-Yaniv and Wiener (2010), "On the foundations of noise-free selective classification".

    Examples:
        >>> curve = risk_curve(np.array([0.9, 0.6, 0.8]), np.array([True, False, True]))
        >>> curve.coverage.round(2).tolist(), curve.risk.round(2).tolist(), curve.threshold_for(0.1)
        ([0.33, 0.67, 1.0], [0.0, 0.0, 0.33], 0.8)
    """
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], (~right[order]).cumsum()
    last = np.append(np.flatnonzero(np.diff(sure)), len(order) - 1) if len(order) else np.zeros(0, np.int64)
    kept = last + 1.0
    return RiskCurve(sure[last], kept / max(len(order), 1), wrong[last] / kept)
