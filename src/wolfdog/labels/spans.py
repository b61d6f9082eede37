"""Labelled spans of a video, and the labels that hold at given times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wolfdog.errors import LabelsError

RESOLUTION = 1e-6
"""Seconds. Times nearer to each other than this are the same time (containers round timestamps)."""

Unit = Literal["seconds", "frames"]
"""Units of the ends of a span."""


@dataclass(frozen=True, order=True)
class LabelSpan:
    """Labelled span of a video, from `start` up to but not including `end`.

    Args:
        start: In seconds of the video's own time, or the number of a frame, from 0.
        end: The same; infinity for the end of the video.
        label: Name of the class.
        look: Appearance of a single frame of it, in simulated television.
        channel: Channel of simulated television.
        unit: Unit of `start` and `end`.
        bag: Name of a bag, or empty. The label of a bag holds for at least one frame of the spans with this name, and
            nobody knows for which (multiple-instance learning).

    Raises:
        LabelsError: A time is not a number, negative, or out of order, or the label is empty.

    Examples:
        >>> LabelSpan(0.0, 1.5, "wolf", look="canine").label
        'wolf'
    """

    start: float
    end: float
    label: str
    look: str = field(default="", kw_only=True)
    channel: str = field(default="", kw_only=True)
    unit: Unit = field(default="seconds", kw_only=True)
    bag: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        for name, value, most in (("start", self.start, "finite"), ("end", self.end, "any")):
            if math.isnan(value) or value < 0 or (most == "finite" and math.isinf(value)):
                raise LabelsError(f"{name}: expected {self.unit} from 0 up, got {value}. Correct the time.")
        if self.end <= self.start:
            raise LabelsError(
                f"the span ends at {self.end:g} {self.unit}, at or before its start at {self.start:g}. Correct or "
                "remove it."
            )
        if not self.label.strip():
            raise LabelsError("label: expected a name, got nothing. Name what is seen, or remove the span.")


def labels_at(
    spans: Sequence[LabelSpan], times: ArrayLike, *, frames: ArrayLike | None = None
) -> list[str | None]:
    """Label at each of some times; see `spans_at`.

    Args:
        spans: As of `spans_at`.
        times: As of `spans_at`.
        frames: As of `spans_at`.

    Returns:
        Labels, None where no span covers the time.

    Examples:
        >>> labels_at([LabelSpan(0.0, 1.0, "wolf"), LabelSpan(2.0, 3.0, "bear")], [0.0, 1.0, 2.5])
        ['wolf', None, 'bear']
    """
    return [None if at < 0 else spans[at].label for at in spans_at(spans, times, frames=frames).tolist()]


def spans_at(
    spans: Sequence[LabelSpan], times: ArrayLike, *, frames: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Number of the span that covers each of some frames, -1 where none does.

    A span holds its start and not its end; times are compared to the microsecond. Where several spans cover a frame,
    it is the last of them in `spans`. Spans of bags are left out.

    Args:
        spans: In any order.
        times: [T] seconds.
        frames: [T] numbers of the frames in their video; needed where spans count frames.

    Returns:
        [T] positions in `spans`.

    Examples:
        >>> spans_at([LabelSpan(0.0, 1.0, "wolf"), LabelSpan(2.0, 3.0, "bear")], [0.0, 1.0, 2.5]).tolist()
        [0, -1, 1]
    """
    covering = np.full(len(np.asarray(times)), -1, np.int64)
    for number, span in enumerate(spans):
        if not span.bag:
            covering[rows_of(span, times, frames=frames)] = number
    return covering


def present_at(
    spans: Sequence[LabelSpan], classes: Sequence[str], times: ArrayLike, *, frames: ArrayLike | None = None
) -> NDArray[np.bool_]:
    """Whether each class is labelled in each frame: several may be at a time. Spans of bags are left out.

    Args:
        spans: In any order.
        classes: K names, of which each label is one.
        times: [T] seconds.
        frames: [T] numbers of the frames; needed where spans count frames.

    Returns:
        [T, K].

    Examples:
        >>> spans = [LabelSpan(0, 2, "wolf"), LabelSpan(1, 3, "dog")]
        >>> present_at(spans, ["dog", "wolf"], [0.5, 1.5]).tolist()
        [[False, True], [True, True]]
    """
    index = {name: number for number, name in enumerate(classes)}
    present = np.zeros((len(np.asarray(times)), len(index)), bool)
    for span in spans:
        if not span.bag:
            present[rows_of(span, times, frames=frames), index[span.label]] = True
    return present


def rows_of(span: LabelSpan, times: ArrayLike, *, frames: ArrayLike | None = None) -> NDArray[np.int64]:
    """Positions of the frames that a span covers, a span of a bag too.

    Args:
        span: The span.
        times: [T] seconds.
        frames: [T] numbers of the frames; needed where the span counts frames.

    Raises:
        LabelsError: The span counts frames, and their numbers are not given.
    """
    if span.unit == "seconds":
        moments = np.asarray(times, np.float64) + RESOLUTION / 2
    elif frames is None:
        raise LabelsError(f"{span.label} from frame {span.start:g}: the numbers of the frames are not known.")
    else:
        moments = np.asarray(frames, np.float64)
    return np.flatnonzero((moments >= span.start) & (moments < span.end))
