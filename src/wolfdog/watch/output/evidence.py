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
"""Largest number of moments in a picture."""

PAST_FRAMES = 6
"""Largest number of past frames beside each moment."""

NEAR = 2.0
"""Past moments within so many seconds of one with a larger weight are merged with it; their weights are added."""

LEAST = 0.02
"""Least weight of an interval that is shown."""

ALIKE = 2
"""Largest number of moments in a picture that rest on the same interval."""

WORTH = 0.2
"""Least rise of the label's probability, from the frame alone to the context, of predictions that are shown."""

AHEAD = 64
"""Number of frames that may have been read before the prediction of one of them is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class PastFrame:
    """Past frame that is kept for pictures of evidence.

    Attributes:
        time: Its time in seconds.
        image: Its thumbnail.
    """

    time: float
    weight: float
    image: Image


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedMoment:
    """Moment with its frame, and the past frames of its evidence, the largest weight first."""

    moment: Moment
    image: Image
    past_frames: tuple[PastFrame, ...]

    @property
    def change(self) -> float:
        """Rise of the label's probability from the frame alone to the context."""
        return change(self.moment)

    @property
    def back(self) -> float:
        """Seconds to the past frame with the largest weight; 0 without one."""
        return self.moment.time - self.past_frames[0].time if self.past_frames else 0.0


def change(moment: Moment) -> float:
    """Rise of the context label's probability from the frame alone to the context."""
    label = int(moment.context_probabilities.argmax())
    return float(moment.context_probabilities[label] - moment.snapshot_probabilities[label])


class ThumbnailBuffer:
    """Frames that a memory holds, at the size of its input, in bounded memory.

    The buffer has `reach.entries` frames, at most one in `reach.stride` seconds, and the last few.

    Args:
        reach: Span of the past that the memory holds.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._held: OrderedDict[float, Image] = OrderedDict()
        self._recent: deque[tuple[float, Image]] = deque(maxlen=AHEAD)
        self._latest = -float("inf")

    def passing(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Iterator over frames that also stores them."""
        for frame in frames:
            self._recent.append((frame.time, frame.image))
            if frame.time - self._latest >= self._reach.stride:
                self._held[frame.time] = frame.image
                self._latest = frame.time
                if len(self._held) > self._reach.entries + AHEAD:
                    self._held.popitem(last=False)
            yield frame

    def at(self, time: float) -> Image | None:
        """Frame of that time; None where it is not held."""
        found = self._held.get(time)
        return found if found is not None else next((i for t, i in self._recent if t == time), None)


class EvidenceSelector:
    """Selection of the predictions that memory changed most, moment by moment.

    Of each event of the context label, the prediction with the largest change of probability is reported. The largest
    changes are kept; among changes that are equal to a tenth, those with the oldest evidence. No more than two kept
    predictions rest on the same interval of the past.

    Args:
        thumbnails: Buffer of the frames that passed.
        tell: Called with the moment of each event that memory changed, when the event ends.
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
        """Predictions that are kept, in order of time; the current event is ended first."""
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
    """Number of other predictions that rest on the same interval of the past."""
    return sum(abs(other.past_frames[0].time - explained.past_frames[0].time) <= NEAR for other in others)


def past_frames(moment: Moment, thumbnails: ThumbnailBuffer) -> tuple[PastFrame, ...]:
    """Intervals of the past with the largest weights, the moment itself left out, the largest first.

    An interval is a moment and those near it; its frame is the one with the largest weight.

    Args:
        moment: With evidence.
        thumbnails: Buffer of the frames.

    Returns:
        One past frame for each interval.
    """
    past = [piece for piece in moment.evidence if piece.time < moment.time]
    stretches: list[list[Evidence]] = []
    while past:  # the moment with the largest weight, and those near it
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
