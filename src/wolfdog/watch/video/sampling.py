"""Sampling of frames: all, every n-th, or a rate."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wolfdog.errors import InputError


class Timed(Protocol):
    """Object with a place in time."""

    @property
    def time(self) -> float:
        """Seconds, strictly increasing."""
        ...

    @property
    def end(self) -> float:
        """Seconds at which it leaves the screen."""
        ...


T = TypeVar("T", bound=Timed)


class Sampling(Protocol):
    """Choice of frames: `AllFrames`, `Every`, `Rate` or `Moving`."""

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """Frames that are taken, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class AllFrames:
    """Sampling of every frame."""

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """All of the frames."""
        return frames


@dataclass(frozen=True, slots=True)
class Every:
    """Sampling of the first frame and every n-th after it.

    Args:
        n: Step in frames.

    Raises:
        InputError: `n` is below 1.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InputError(f"Every(n) takes every n-th frame, so n must be 1 or more, got {self.n}.")

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """Frames 0, n, 2n and so on."""
        return (frame for i, frame in enumerate(frames) if i % self.n == 0)


@dataclass(frozen=True, slots=True)
class Rate:
    """Sampling at a constant rate, with which a memory sees time pass as in its training.

    Of the ticks t_0 + k / hz, counted from the first frame, each takes the nearest frame, and of two equally near ones
    the earlier. A frame nearest to several ticks is taken once, so that a video slower than `hz` gives every frame.

    Args:
        hz: Frames per second.

    Raises:
        InputError: `hz` is not a positive, finite number.

    Examples:
        >>> class At(float):
        ...     time = property(float)
        ...     end = property(lambda self: self + 0.1)
        >>> [float(t) for t in Rate(2.0).pick(At(i / 10) for i in range(12))]
        [0.0, 0.5, 1.0]
    """

    hz: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.hz) and self.hz > 0):
            raise InputError(f"Rate(hz) is in frames a second and must be above 0, got {self.hz}.")

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """Nearest frame to each tick, in order; each is held back until the next frame is known."""
        held = next(frames, None)
        if held is None:
            return
        start, tick, taken = held.time, 0, False  # taken: whether `held` has been given out already
        for frame in frames:
            # The ticks in [held, frame). Those between cannot prefer any other: the first of them is the one
            # nearest to `held`, the last the one nearest to `frame`. So a gap of hours costs no loop over
            # ticks.
            last = math.ceil((frame.time - start) * self.hz) - 1
            new = False
            if last >= tick:
                if not taken and start + tick / self.hz - held.time <= frame.time - (start + tick / self.hz):
                    yield held
                new = start + last / self.hz - held.time > frame.time - (start + last / self.hz)
                tick = last + 1
            if new:
                yield frame
            held, taken = frame, new
        if not taken and (
            tick == 0 or start + tick / self.hz < held.end
        ):  # a still picture ends as it begins
            yield held
