"""Evidence of predictions: the choice of predictions to show, and the past frames with the largest weights."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..model.memory import Reach
from ..moments import Evidence, Moment
from ..video.source import Frame

Image = NDArray[np.uint8]

SHOWN = 12
"""Moments in a picture at the most."""

PAST_FRAMES = 6
"""Past frames beside each."""

NEAR = 2.0
"""Past moments that are no more seconds from a heavier one are shown as one with it, with the sum of their weights."""

LEAST = 0.02
"""Stretches that weigh less are not shown."""

ALIKE = 2
"""Moments in a picture that rest on the same stretch, at the most."""

WORTH = 0.2
"""Least rise of the label's probability, from the frame alone to the context, of predictions that are shown."""

AHEAD = 64
"""Frames that may have been read before the prediction on one of them is told."""


@dataclass(frozen=True, slots=True, eq=False)
class PastFrame:
    """A stretch of the past that a prediction looked at: its weight, and the frame in it that weighs most."""

    time: float
    """Seconds: when that frame was."""
    weight: float
    image: Image


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedMoment:
    """A moment, its frame, and what it looked at in the past, the largest weight first."""

    moment: Moment
    image: Image
    past_frames: tuple[PastFrame, ...]

    @property
    def change(self) -> float:
        """Rise of the label's probability from the frame alone to the context."""
        return change(self.moment)

    @property
    def back(self) -> float:
        """Seconds to what it looked at most; 0 where that is nothing."""
        return self.moment.time - self.past_frames[0].time if self.past_frames else 0.0


def change(moment: Moment) -> float:
    """Rise of the context label's probability from the frame alone to the context."""
    label = int(moment.context_probabilities.argmax())
    return float(moment.context_probabilities[label] - moment.snapshot_probabilities[label])


class ThumbnailBuffer:
    """The frames that a memory holds, as small as it saw them, in bounded memory: `reach.entries` of them, one in
    `reach.stride` seconds, and the last few."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._held: OrderedDict[float, Image] = OrderedDict()
        self._recent: deque[tuple[float, Image]] = deque(maxlen=AHEAD)
        self._latest = -float("inf")

    def passing(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames, looked at as they pass."""
        for frame in frames:
            self._recent.append((frame.time, frame.image))
            if frame.time - self._latest >= self._reach.stride:
                self._held[frame.time] = frame.image
                self._latest = frame.time
                if len(self._held) > self._reach.entries + AHEAD:
                    self._held.popitem(last=False)
            yield frame

    def at(self, time: float) -> Image | None:
        """The frame of that time; None where it is not held."""
        found = self._held.get(time)
        return found if found is not None else next((i for t, i in self._recent if t == time), None)


class EvidenceSelector:
    """Moments go in one by one; of each event of the context label the prediction that memory changed most is told, and
    the most remarkable of those are kept: the changes that are the largest, and among equals (to a tenth) those that
    rest on what is furthest back; of those that rest on the same stretch of the past no more than two.

    Args:
        thumbnails: of the frames that passed.
        tell: called with the moment of each event that memory changed, as the event ends.
    """

    def __init__(self, thumbnails: ThumbnailBuffer, tell: Callable[[Moment], None]) -> None:
        self._thumbnails, self._tell = thumbnails, tell
        self._label: str | None = None
        self._best: ExplainedMoment | None = None
        self._kept: list[ExplainedMoment] = []

    def add(self, moment: Moment) -> None:
        """Take the next moment."""
        if moment.context != self._label:
            self._end()
            self._label = moment.context
        least = WORTH if self._best is None else self._best.change
        if change(moment) > least:
            image = self._thumbnails.at(moment.time)
            if image is not None:
                self._best = ExplainedMoment(moment, image, past_frames(moment, self._thumbnails))

    def selected(self) -> list[ExplainedMoment]:
        """Those that are kept, in order of time, the event under way ended."""
        self._end()
        return sorted(self._kept, key=lambda explained: explained.moment.time)

    def _end(self) -> None:
        best, self._best = self._best, None
        if best is None:
            return
        self._tell(best.moment)
        if best.past_frames:
            ranked = sorted((*self._kept, best), key=lambda one: (-round(one.change, 1), -one.back))
            self._kept = [one for number, one in enumerate(ranked) if _alike(one, ranked[:number]) < ALIKE][
                :SHOWN
            ]


def _alike(explained: ExplainedMoment, others: list[ExplainedMoment]) -> int:
    """Number of other predictions that rest on the same span of the past."""
    return sum(abs(other.past_frames[0].time - explained.past_frames[0].time) <= NEAR for other in others)


def past_frames(moment: Moment, thumbnails: ThumbnailBuffer) -> tuple[PastFrame, ...]:
    """The stretches of the past that the moment looked at most, itself left out, the largest weight first.

    A stretch is a moment and what is near to it; its frame is the one that weighs most in it.
    """
    past = [piece for piece in moment.evidence if piece.time < moment.time]
    stretches: list[list[Evidence]] = []
    while past:  # the heaviest moment, and what is near to it
        top = past[0]
        near = [piece for piece in past if abs(piece.time - top.time) <= NEAR]
        past = [piece for piece in past if abs(piece.time - top.time) > NEAR]
        stretches.append(near)
    found = []
    for near in stretches:
        image, weight = thumbnails.at(near[0].time), sum(piece.weight for piece in near)
        if image is not None and weight >= LEAST:
            found.append(PastFrame(near[0].time, weight, image))
    return tuple(sorted(found, key=lambda past_frame: -past_frame.weight)[:PAST_FRAMES])
