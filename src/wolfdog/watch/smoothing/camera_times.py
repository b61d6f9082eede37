"""Seconds between the frames of simulated cameras."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Times:
    """Ranges of the times of cameras; those marked (log) are drawn evenly in the logarithm.

    Attributes:
        interval: Usual seconds between frames (log).
        burst: Frames of a burst of a triggered camera, on average (log).
        pause: Seconds between bursts (log); drawn anew for each pause within a factor of 10 of the camera's.
        bursty: Share of cameras that take bursts.
        unknown: Share of cameras whose times are not known.
        dropped: Share of the other cameras, of which up to half of the frames are missing.
    """

    interval: Span = (0.03, 60.0)
    burst: Span = (2.0, 20.0)
    pause: Span = (60.0, 200_000.0)
    bursty: float = 0.35
    unknown: float = 0.15
    dropped: float = 0.2


def draw_times(
    frames: int,
    cameras: int,
    rng: np.random.Generator,
    ranges: Times,
    bursty: NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Times of the frames of cameras.

    Args:
        frames: T.
        cameras: N.
        rng: The source of all that is random.
        ranges: Ranges of the times.
        bursty: [N]: which cameras take bursts; drawn with the share `ranges.bursty` where None.

    Returns:
        seconds [T, N] since the frame before, NaN where not known, 0 at the first; the same in units of the
        camera's usual interval, always known; and whether a frame is the first of a burst.
    """
    T, N = frames, cameras
    interval = log_uniform(rng, ranges.interval, N)
    if bursty is None:
        bursty = rng.random(N) < ranges.bursty
    first = (rng.random((T, N)) < 1 / log_uniform(rng, ranges.burst, N)) & bursty
    center = log_uniform(rng, ranges.pause, N)
    pause = np.maximum(center * 10 ** rng.uniform(-1, 1, (T, N)), interval)
    dropped = np.where(rng.random(N) < ranges.dropped, rng.uniform(0, 0.5, N), 0)
    steps = rng.geometric(1 - dropped, (T, N))
    seconds = np.where(first, pause, interval * steps)
    seconds[:1] = 0
    intervals = seconds / interval
    of_others = ranges.unknown / max(1 - ranges.bursty, ranges.unknown, 1e-6)
    unknown = ~bursty & (rng.random(N) < of_others)
    shown = np.where(unknown, np.nan, seconds)
    first[:1] = False
    return shown.astype(np.float32), intervals.astype(np.float32), first


def uniform(rng: np.random.Generator, span: Span, count: int) -> Floats:
    """[count] numbers, even over the span."""
    return rng.uniform(*span, count).astype(np.float32)


def log_uniform(rng: np.random.Generator, span: Span, count: int) -> Floats:
    """[count] numbers whose logarithms are even over the span's."""
    return np.exp(rng.uniform(np.log(span[0]), np.log(span[1]), count)).astype(np.float32)
