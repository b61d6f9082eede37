"""Results of a watcher: a moment for each frame, and events, the runs of moments with one label."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
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
    """Attention weight of a past moment of the same video.

    Attributes:
        time: Seconds from the start of the video; the `time` of that moment.
        weight: Share of the attention, from 0 to 1.
    """

    time: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Prediction for one frame: from the frame alone, and from the frame and all before it.

    Attributes:
        video: Name of the video in reports.
        frame: Number of the frame among all frames of the video, from 0.
        time: Seconds from the start of the video, by the container's timestamps.
        snapshot: Snapshot label, of this frame alone: the most probable class of `snapshot_probabilities`.
        context: Context label, of this frame and all before it: the most probable class of `context_probabilities`.
        snapshot_probabilities: Probabilities [classes] of the watcher's classes, in their order.
        context_probabilities: Probabilities [classes] of the watcher's classes, in their order.
        duration: Seconds for which the prediction holds: up to the next frame, or to the end of the video. Only that of
            the last moment is needed to end an event; 0 if it is not known.
        evidence: Attention weights of the context label, the largest first, if they were asked for. The moment itself
            may be among them.
        deployment: Name of the camera at one place that this video comes from; empty for a video on its own.
        utc: Seconds since 1970-01-01 00:00 UTC; NaN if not known.
        local: Seconds since 1970-01-01 00:00 local time; NaN if not known.
    """

    video: str
    frame: int
    time: float
    snapshot: str
    context: str
    snapshot_probabilities: Probabilities
    context_probabilities: Probabilities
    duration: float = field(default=0.0, kw_only=True)
    evidence: tuple[Evidence, ...] = field(default=(), kw_only=True)
    deployment: str = field(default="", kw_only=True)
    utc: float = field(default=nan, kw_only=True)
    local: float = field(default=nan, kw_only=True)

    @property
    def instant(self) -> float:
        """Seconds by the clock that the files of a deployment share; NaN where there is none."""
        return self.local if isnan(self.utc) else self.utc

    def label(self, which: Which) -> str:
        """Snapshot or context label."""
        return self.context if which == "context" else self.snapshot

    def probability(self, which: Which) -> float:
        """Probability of the snapshot or context label."""
        return float(
            (self.context_probabilities if which == "context" else self.snapshot_probabilities).max()
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Consecutive moments of one deployment with one label.

    Attributes:
        video: Video of the first moment.
        start: Seconds from the start of that video to the first moment.
        end: Seconds from the start of `last_video` to the next event's first moment, or to the end of the last frame.
        label: The label.
        probability: Mean probability of the label over the moments.
        moments: Number of moments.
        deployment: Name of the deployment; empty for a video on its own.
        last_video: Video of the last moment; empty if it is that of the first.
        utc: Start in seconds since 1970-01-01 00:00 UTC; NaN if not known.
        local: Start in seconds since 1970-01-01 00:00 local time; NaN if not known.
        span: Seconds from start to end of an event that runs from one video into another; NaN otherwise.
    """

    video: str
    start: float
    end: float
    label: str
    probability: float
    moments: int
    deployment: str = field(default="", kw_only=True)
    last_video: str = field(default="", kw_only=True)
    utc: float = field(default=nan, kw_only=True)
    local: float = field(default=nan, kw_only=True)
    span: float = field(default=nan, kw_only=True)

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start if isnan(self.span) else self.span


class Merge:
    """Streaming form of `events`: moments are added one by one, finished events are returned.

    Only the current event is held. An event continues in the next file of its deployment if that file begins within
    `gap` seconds of the end of the last one.

    Args:
        label: Function from a moment to the label that is merged.
        probability: Function from a moment to the label's probability.
        min_duration: Shortest event in seconds.
        gap: Longest pause in seconds between two files of a deployment within one event.

    Raises:
        InputError: `min_duration` or `gap` is negative.
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
        """Add the next moment.

        Args:
            moment: The moment.

        Returns:
            The event that the moment ends; None if it ends none.

        Raises:
            InputError: The moment is not later than the one before it in the same video.
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
        """End the current event at the end of its last frame, and return it; None without one."""
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
            deployment=first.deployment,
            last_video="" if one else last.video,
            utc=first.utc,
            local=first.local,
            span=nan if one else last.instant - first.instant + (end - last.time),
        )
        # A billionth of a second of slack: 0.3 s asked for must not drop 0.7 - 0.4 = 0.29999999999999993 s.
        return None if event.duration < self._min_duration - 1e-9 else event


def merge(which: Which = "context", *, min_duration: float = 0.0, gap: float = EVENT_GAP) -> Merge:
    """Streaming form of `events` for the snapshot or the context labels.

    Args:
        which: "snapshot" or "context".
        min_duration: Shortest event in seconds.
        gap: Longest pause in seconds between two files of a deployment within one event.

    Returns:
        A `Merge`.

    Raises:
        InputError: `which` is another word, or `min_duration` or `gap` is negative.
    """
    if which not in ("snapshot", "context"):
        raise InputError(f"which must be 'snapshot' or 'context', got {which!r}.")
    return Merge(lambda m: m.label(which), lambda m: m.probability(which), min_duration, gap)


def events(
    moments: Iterable[Moment], which: Which = "context", *, min_duration: float = 0.0, gap: float = EVENT_GAP
) -> Iterator[Event]:
    """Events of consecutive moments with one label, as the moments come, in bounded memory.

    With `min_duration=0` the events of one video cover its time line without overlap. An event continues in the next
    video if both are files of one deployment, their times are known, and the next one begins within `gap` seconds.

    Args:
        moments: Moments in the order of time.
        which: "snapshot" or "context".
        min_duration: Shortest event in seconds; shorter ones are left out.
        gap: Longest pause in seconds between two files of a deployment within one event.

    Yields:
        The events.

    Raises:
        InputError: Moments of one video are out of order, `which` is another word, or `min_duration` or `gap` is
            negative.

    Examples:
        >>> p = np.array([0.25, 0.75])
        >>> labels = ["dog", "wolf", "wolf"]
        >>> seen = [Moment("a.mp4", i, i / 2, "dog", labels[i], p, p, duration=0.5) for i in range(3)]
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
