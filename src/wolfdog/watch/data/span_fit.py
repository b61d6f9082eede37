"""Labels that do not fit their videos: past the end, too short for a frame, or frame numbers in place of seconds."""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import ArrayLike

from ...errors import LabelsError, MediaError, MediaWarning
from ...labels import LabelSpan, rows_of
from ..video.container import announced_seconds, frame_period, open_video
from ..video.media import Medium

SLACK = 1.0
"""Seconds, at the least, that a label may last beyond the end of its video: editors round."""


@dataclass(frozen=True)
class Misfit:
    """Label that does not fit its video.

    Args:
        media: Name of the video.
        span: The label.
        reason: "past the end", "runs past the end", "short" or "no frame".
        seconds: Length of the video, where it is known.
        rate: Its frames a second, where it is known.
    """

    media: str
    span: LabelSpan
    reason: str
    seconds: float | None = None
    rate: float | None = None

    def __str__(self) -> str:
        span = self.span
        unit = "s" if span.unit == "seconds" else "frames"
        end = "its end" if span.end == float("inf") else f"{span.end:g}"
        what = f"{self.media} from {span.start:g} to {end} {unit} ({span.label})"
        length = "" if self.seconds is None else f", which is at {self.seconds:.2f} s"
        if self.reason == "no frame":
            return f"{what} covers no frame that is looked at"
        if self.reason == "short":
            return f"{what} is shorter than a frame, of which there are {self.rate or 0:g} a second"
        return f"{what} {'begins' if self.reason == 'past the end' else 'runs'} past the end{length}"


def misfits_by_length(media: Iterable[Medium], labels: Mapping[str, Sequence[LabelSpan]]) -> list[Misfit]:
    """Labels past the ends of their videos, by the videos' headers; no picture is decoded.

    Args:
        media: Videos and images; a video that cannot be opened, or does not say its length, is passed over.
        labels: Spans of each.
    """
    found: list[Misfit] = []
    for medium in media:
        if medium.image or medium.name not in labels:
            continue
        length = video_length(medium.path)
        if length is not None:
            found += misfits_of(medium.name, labels[medium.name], *length)
    return found


def misfits_of(media: str, spans: Sequence[LabelSpan], seconds: float, rate: float) -> list[Misfit]:
    """Labels past the end of a video, or shorter than one of its frames.

    Args:
        media: Name of the video.
        spans: Its labels.
        seconds: Its length.
        rate: Its frames a second.
    """
    return [
        Misfit(media, span, reason, seconds, rate)
        for span in spans
        if (reason := _misfit(span, seconds, rate))
    ]


def video_length(path: Path) -> tuple[float, float] | None:
    """Seconds and frames a second of a video by its header; None where that cannot be known."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MediaWarning)
            container, stream = open_video(path)
        with container:
            seconds = announced_seconds(container, stream)
            return None if seconds is None else (seconds, 1 / frame_period(stream))
    except MediaError:
        return None


def misfits_by_frames(
    media: str, spans: Sequence[LabelSpan], times: ArrayLike, frames: ArrayLike
) -> list[Misfit]:
    """Labels of a video that cover none of the frames that were looked at.

    Args:
        media: Name of the video.
        spans: Its labels.
        times: [T] seconds of the frames.
        frames: [T] their numbers.
    """
    return [Misfit(media, span, "no frame") for span in spans if not len(rows_of(span, times, frames=frames))]


def judge_misfits(source: object, misfits: Sequence[Misfit], total: int, *, most: int = 3) -> str | None:
    """Message about labels that do not fit; None where all do.

    Args:
        source: Name of the labels file.
        misfits: Labels that do not fit.
        total: Number of all labels.
        most: Largest number of labels that are named.

    Raises:
        LabelsError: More than half of the labels do not fit.
    """
    if not misfits:
        return None
    verb = "does not fit its video" if len(misfits) == 1 else "do not fit their videos"
    text = f"{source}: {len(misfits)} of {total} labels {verb}: "
    text += "; ".join(map(str, misfits[:most])) + (
        f"; and {len(misfits) - most} more" if len(misfits) > most else ""
    )
    counts = Counter(misfit.span.label for misfit in misfits)
    text += f" (by label: {', '.join(f'{label} {count}' for label, count in sorted(counts.items()))})."
    if len(misfits) * 2 <= total:
        return text
    if any(_frames_in_seconds(misfit) for misfit in misfits):
        text += " The numbers look like frames: name their columns start_frame and end_frame."
    elif any(misfit.reason == "no frame" for misfit in misfits):
        text += " Look at more frames a second (--fps), or correct the times."
    raise LabelsError(f"{text} More than half do not fit, so nothing was learned or judged from any.")


def _misfit(span: LabelSpan, seconds: float, rate: float) -> str:
    length = seconds if span.unit == "seconds" else seconds * rate
    slack = max(SLACK, seconds / 20) * (1 if span.unit == "seconds" else rate)
    if span.start >= length:
        return "past the end"
    if length + slack < span.end < float("inf"):
        return "runs past the end"
    return "short" if span.unit == "seconds" and span.end - span.start < 0.5 / rate else ""


def _frames_in_seconds(misfit: Misfit) -> bool:
    """Whether a label in seconds would fit if its numbers were frames."""
    if misfit.span.unit != "seconds" or misfit.seconds is None or misfit.rate is None:
        return False
    whole = misfit.span.start == int(misfit.span.start)
    return whole and misfit.rate > 1.5 and misfit.span.end <= misfit.seconds * misfit.rate * 1.05 + 1
