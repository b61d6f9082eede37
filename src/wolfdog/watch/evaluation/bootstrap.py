"""Bootstrap confidence intervals that resample sources, not frames."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLES = 1000
"""Bootstrap samples of an interval."""


@dataclass(frozen=True)
class Interval:
    """Value with its 95 % confidence interval.

    Attributes:
        value: Of all sources; None where it is not defined (a class without labels has no recall).
        low: Lower end; None where there are fewer than two sources.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def source_weights(sources: int, *, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """[samples, sources]: how often each source occurs in each bootstrap sample.

    Frames of one source (a camera at one place, a video) resemble each other, so that intervals from resampled frames
    would be too narrow. Sources are drawn with replacement, as many as there are (Efron and Tibshirani 1993; cluster
    bootstrap).

    Examples:
        >>> source_weights(3, samples=2, seed=1).sum(1).tolist()
        [3.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    if not sources:
        return np.zeros((samples, 0))
    return rng.multinomial(sources, np.full(sources, 1 / sources), size=samples).astype(np.float64)


def interval(value: float, resampled: Floats, *, sources: int) -> Interval:
    """Percentile interval of a value from its values in the bootstrap samples; NaN stands for undefined.

    Args:
        value: Of all sources.
        resampled: [samples].
        sources: Number of sources that have the value.

    Examples:
        >>> interval(0.5, np.linspace(0, 1, 101), sources=9)
        Interval(value=0.5, low=0.025, high=0.975)
    """
    if np.isnan(value):
        return Interval(None)
    known = resampled[~np.isnan(resampled)]
    if sources < 2 or len(known) < 2:
        return Interval(float(value))
    low, high = np.percentile(known, (2.5, 97.5))
    return Interval(float(value), round(float(low), 12), round(float(high), 12))
