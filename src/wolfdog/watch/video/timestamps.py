"""From a container's timestamps to seconds that only ever go forward."""

NUDGE = 0.001  # seconds; what a frame that repeats the time before it is moved on by. WebVTT counts in these


class Clock:
    """Seconds since the container's start, strictly increasing, whatever the timestamps do.

    Variable frame rates and pauses are kept as they are. A missing timestamp is one frame period after the
    frame before; one that repeats or steps back a little is moved on by a millisecond; one that jumps back (a
    recorder that started anew in the same file) starts over one period after the frame before.

    >>> clock = Clock(origin=1.4, period=0.04)
    >>> [round(clock.read(t), 3) for t in (1.4, 1.44, None, 1.48, 3.0, 1.2, 1.24)]
    [0.0, 0.04, 0.08, 0.081, 1.6, 1.64, 1.68]
    """

    def __init__(self, origin: float, period: float) -> None:
        self.period = period
        self._origin = origin
        self._before: float | None = None

    def read(self, seconds: float | None) -> float:
        """The time of the next frame; `seconds` is its timestamp, None where the container gives none."""
        before = self._before
        if before is None:
            time = max(0.0, seconds - self._origin) if seconds is not None else 0.0
        elif seconds is None:
            time = before + self.period
        else:
            time = seconds - self._origin
            if time < before - max(1.0, 2 * self.period):
                time = before + self.period
                self._origin = seconds - time
            elif time <= before + 1e-6:  # rounding apart, the same time again
                time = before + NUDGE
        self._before = time
        return time
