"""Results of a watcher: a moment for each frame, and events, the runs of moments with one label."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

EVENT_GAP = 60.0
"""Longest pause in seconds between two files of a deployment within one event."""

Which = Literal["snapshot", "context"]
Probabilities = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A past moment that a prediction looked at, in the same video."""

    time: float
    """Its seconds from the start of the video: the `time` of its own moment."""
    weight: float
    """Its share of all that was looked at, from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame's prediction: what the frame alone says, and what it is given all that came before.

    A label is the most probable class of its array; the arrays run over the watcher's class names, in their
    order.
    """

    video: str
    """The name of the video, as reports show it."""
    frame: int
    """The number of the frame among all frames of the video, from 0."""
    time: float
    """Seconds from the start of the video, by the container's timestamps."""
    snapshot: str
    """The snapshot label: by this frame alone."""
    context: str
    """The context label: by this frame and all before it."""
    snapshot_probabilities: Probabilities
    """Shape [classes], sums to one."""
    context_probabilities: Probabilities
    """Shape [classes], sums to one."""
    duration: float = 0.0
    """Seconds that the prediction stands: up to the next frame looked at, or to the end of the video.

    Only the last moment's is needed to end an event; 0 where it is not known.
    """
    evidence: tuple[Evidence, ...] = ()
    """Evidence of the context label, the largest weight first, where it was asked for; the moment itself may
    be among it."""
    deployment: str = ""
    """One camera at one place, of which this video is one of the files; empty where there is nothing but the video."""
    utc: float = nan
    """Seconds since 1970-01-01 00:00 UTC; NaN where not known."""
    local: float = nan
    """Local time, in seconds since 1970-01-01 00:00 local time; NaN where not known."""

    @property
    def instant(self) -> float:
        """Seconds by the clock that the files of a deployment share; NaN where there is none."""
        return self.local if isnan(self.utc) else self.utc

    def label(self, which: Which) -> str:
        """The snapshot or the context label."""
        return self.context if which == "context" else self.snapshot

    def probability(self, which: Which) -> float:
        """The probability of that label."""
        return float(
            (self.context_probabilities if which == "context" else self.snapshot_probabilities).max()
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Consecutive moments of one deployment with one label."""

    video: str
    """The video of its first moment."""
    start: float
    """Seconds from the start of that video: the time of its first moment."""
    end: float
    """Seconds from the start of `last_video`: the next event's first moment, or the end of the last frame."""
    label: str
    probability: float
    """The label's probability, averaged over the moments."""
    moments: int
    """Number of its moments."""
    deployment: str = ""
    last_video: str = ""
    """The video of its last moment; empty where it is the first."""
    utc: float = nan
    """Its start in seconds since 1970-01-01 00:00 UTC; NaN where not known, as the next."""
    local: float = nan
    """Its start by the clock on the wall."""
    span: float = nan
    """Seconds from start to end, where it runs from one video into another."""

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start if isnan(self.span) else self.span


class Merge:
    """Moments go in one by one, finished events come out: the streaming form of `events`.

    `label` and `probability` say what is read off a moment. Only the event under way is held. An event runs on into the
    next file of its deployment where that begins within `gap` seconds of the last one's end.
    """

    def __init__(
        self,
        label: Callable[[Moment], str],
        probability: Callable[[Moment], float],
        min_duration: float = 0.0,
        gap: float = EVENT_GAP,
    ) -> None:
        if not gap >= 0:
            raise InputError(f"gap is in seconds and cannot be below 0, got {gap}.")
        self._gap = gap
        if not min_duration >= 0:
            raise InputError(f"min_duration is in seconds and cannot be below 0, got {min_duration}.")
        self._label, self._probability, self._min_duration = label, probability, min_duration
        self._first: Moment | None = None
        self._last: Moment | None = None
        self._text, self._sum, self._count = "", 0.0, 0

    def add(self, moment: Moment) -> Event | None:
        """Take the next moment; the event that it ends, if it ends one.

        Raises:
            InputError: the moment is not later than the one before it in the same video.
        """
        text, ended = self._label(moment), None
        last = self._last
        if last is not None and last.video == moment.video and not moment.time > last.time:
            raise InputError(
                f"Moments must come in order of time: {moment.video!r} has {moment.time:.6f} s (frame "
                f"{moment.frame}) after {last.time:.6f} s (frame {last.frame}). Sort them by time first."
            )
        if (
            last is None
            or text != self._text
            or not (last.video == moment.video or self._follows(last, moment))
        ):
            ended = self._end(moment)
            self._first, self._text, self._sum, self._count = moment, text, 0.0, 0
        self._last = moment
        self._sum += self._probability(moment)
        self._count += 1
        return ended

    def close(self) -> Event | None:
        """The event under way, ended by the end of its last frame."""
        return self._end(None)

    def _follows(self, last: Moment, moment: Moment) -> bool:
        """Whether a moment of another file is soon enough after the last one of the same deployment."""
        if not moment.deployment or moment.deployment != last.deployment:
            return False
        return moment.instant - (last.instant + last.duration) <= self._gap  # not where one is not known

    def _end(self, following: Moment | None) -> Event | None:
        first, last = self._first, self._last
        if first is None or last is None:
            return None
        self._first = self._last = None
        same_video = following is not None and following.video == last.video
        end = following.time if following is not None and same_video else last.time + last.duration
        one = first.video == last.video
        event = Event(
            first.video,
            first.time,
            end,
            self._text,
            self._sum / self._count,
            self._count,
            first.deployment,
            "" if one else last.video,
            first.utc,
            first.local,
            nan if one else last.instant - first.instant + (end - last.time),
        )
        # A billionth of a second of slack: 0.3 s asked for must not drop 0.7 - 0.4 = 0.29999999999999993 s.
        return None if event.duration < self._min_duration - 1e-9 else event


def merge(which: Which = "context", *, min_duration: float = 0.0, gap: float = EVENT_GAP) -> Merge:
    """A `Merge` of the snapshot or of the context labels."""
    if which not in ("snapshot", "context"):
        raise InputError(f"which must be 'snapshot' or 'context', got {which!r}.")
    return Merge(lambda m: m.label(which), lambda m: m.probability(which), min_duration, gap)


def events(
    moments: Iterable[Moment], which: Which = "context", *, min_duration: float = 0.0, gap: float = EVENT_GAP
) -> Iterator[Event]:
    """Merge consecutive moments of one label into events, as they come, in bounded memory.

    The events of one video, all together (`min_duration=0`), cover its time line without overlap. Events cross from one
    video into the next where both are files of one deployment, their times are known, and the next begins within `gap`
    seconds. Events shorter than `min_duration` seconds are left out.

    Raises:
        InputError: moments of one video out of order, a negative `min_duration` or `gap`, another `which`.

    >>> p = np.array([0.25, 0.75])
    >>> labels = ["dog", "wolf", "wolf"]
    >>> seen = [Moment("a.mp4", i, i / 2, "dog", labels[i], p, p, 0.5) for i in range(3)]
    >>> for event in events(seen):
    ...     print(event.start, event.end, event.label, event.probability, event.moments)
    0.0 0.5 dog 0.75 1
    0.5 1.5 wolf 0.75 2
    """
    merging = merge(which, min_duration=min_duration, gap=gap)
    for moment in moments:
        if (event := merging.add(moment)) is not None:
            yield event
    if (event := merging.close()) is not None:
        yield event
