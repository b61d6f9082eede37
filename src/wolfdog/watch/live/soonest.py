"""Sampling of live pictures without delay."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import InputError
from ..video.sampling import T

EARLY = 0.25
"""Part of a period by which a picture may come before its tick, as cameras are not exact."""


@dataclass(frozen=True, slots=True)
class Soonest:
    """Sampling at most at a constant rate, each picture as soon as it is there.

    `Rate` takes the picture nearest to each tick, and has to wait for the next picture to know it. Here a picture is
    taken if it comes at its tick or later, or up to a quarter of a period before.

    Args:
        hz: Pictures per second.

    Raises:
        InputError: `hz` is not a positive, finite number.

    Examples:
        >>> class At(float):
        ...     time = property(float)
        >>> [float(t) for t in Soonest(2.0).pick(At(i / 10) for i in range(12))]
        [0.0, 0.4, 0.9]
    """

    hz: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.hz) and self.hz > 0):
            raise InputError(f"Soonest(hz) is in pictures a second and must be above 0, got {self.hz}.")

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """Pictures that are taken, in their order."""
        period = 1 / self.hz
        tick = -math.inf
        for frame in frames:
            if frame.time < tick - EARLY * period:
                continue
            yield frame
            # After a gap the ticks begin anew; else they stay on their grid, so that jitter does not add up.
            tick = frame.time + period if frame.time > tick + period else tick + period
