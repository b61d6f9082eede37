"""Conversion of a container's timestamps to strictly increasing seconds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

NUDGE = 0.001  # seconds; what a frame that repeats the time before it is moved on by. WebVTT counts in these

HELD = 5
"""Largest number of frames in sequence that count as outliers; they wait in the decoder's memory."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Unit of a stream's timestamps, in seconds, as two whole numbers. `Fraction` gives the same numbers more slowly.

    Args:
        numerator: Numerator of its seconds.
        denominator: Denominator of its seconds.
    """

    numerator: int
    denominator: int

    @classmethod
    def of(cls, base: Fraction) -> "TimeBase":
        """Unit of so many seconds."""
        return cls(base.numerator, base.denominator)

    def seconds(self, count: int) -> float:
        """Seconds of `count` units, rounded once.

        Args:
            count: Number of units.

        Returns:
            The floating-point number nearest to the product.

        Examples:
            >>> TimeBase.of(Fraction(1001, 30000)).seconds(7) == float(7 * Fraction(1001, 30000))
            True
        """
        return count * self.numerator / self.denominator


class Clock:
    """Seconds since the container's start, strictly increasing for any timestamps.

    Variable frame rates and pauses are kept. A frame without a timestamp comes one frame period after the frame before.
    A timestamp that repeats or steps back a little is moved on by a millisecond. One that jumps back (a recorder that
    started again in the same file) starts one period after the frame before.

    Args:
        origin: Timestamp of the start.
        period: Seconds from frame to frame.

    Examples:
        >>> clock = Clock(origin=1.4, period=0.04)
        >>> [round(clock.read(t), 3) for t in (1.4, 1.44, None, 1.48, 3.0, 1.2, 1.24)]
        [0.0, 0.04, 0.08, 0.081, 1.6, 1.64, 1.68]
    """

    def __init__(self, origin: float, period: float) -> None:
        self.period = period
        self._origin = origin
        self._before: float | None = None

    def read(self, seconds: float | None) -> float:
        """Time of the next frame.

        Args:
            seconds: Its timestamp; None without one.

        Returns:
            Seconds since the start.
        """
        before = self._before
        if before is None:
            time = max(0.0, seconds - self._origin) if seconds is not None else 0.0
        elif seconds is None:
            time = before + self.period
        else:
            time = seconds - self._origin
            if time < before - longest_step(self.period):
                time = before + self.period
                self._origin = seconds - time
            elif time <= before + 1e-6:  # rounding apart, the same time again
                time = before + NUDGE
        self._before = time
        return time


def longest_step(period: float) -> float:
    """Longest step between two timestamps that is no jump, in seconds."""
    return max(1.0, 2 * period)


def without_outliers(
    frames: Iterable[T], seconds: Callable[[T], float | None], step: float, dropped: list[tuple[float, float]]
) -> Iterator[T]:
    """Frames without those whose timestamps jump away for a moment, while the next ones follow the clock before.

    Frames that jump are held until the clock returns, at most `HELD` of them. After a pause, or with a clock that
    starts again, the next frames follow the one that jumped, and all are kept.

    Args:
        frames: Frames in the order in which they are shown.
        seconds: Function that gives the timestamp of a frame; None without one.
        step: Longest step, forward or back, that is no jump.
        dropped: Receives the timestamp of each dropped frame, and that of the frame before it.

    Yields:
        The frames.

    Examples:
        >>> dropped = []
        >>> list(without_outliers([0.0, 0.5, 3600.0, 1.5, 9.0, 9.5], lambda t: t, 1.0, dropped)), dropped
        ([0.0, 0.5, 1.5, 9.0, 9.5], [(3600.0, 0.5)])
    """
    before: float | None = None
    held: list[tuple[T, float]] = []
    for frame in frames:
        time = seconds(frame)
        if held and before is not None:
            jumped = held[-1][1]
            if time is not None and time != before and abs(time - before) < abs(time - jumped):
                dropped += [(away, before) for _, away in held]
                held = []
            else:
                held.append((frame, jumped if time is None else time))
                if len(held) > HELD:
                    yield from (one for one, _ in held)
                    before, held = held[-1][1], []
                continue
        if before is not None and time is not None and abs(time - before) > step:
            held.append((frame, time))
            continue
        yield frame
        before = time if time is not None else before
    yield from (one for one, _ in held)
