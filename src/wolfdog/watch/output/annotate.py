"""Annotated videos: copies with the predictions drawn beneath the pictures."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wolfdog.atomic import atomic_path
from wolfdog.errors import InputError, MediaError
from wolfdog.extras import needs_extra

from ..moments import Moment
from ..video.container import open_video
from ..video.decoding import Decoding, Picture
from .label_strip import LabelStrip
from .picture_copy import PictureCopy
from .picture_size import WIDTH, shown_height
from .timeline import Span

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

KEEP_TIMES = (".mp4", ".mkv", ".mov", ".m4v")  # containers with a time for every frame, as AVI has not
LONGEST_STEP = 3_000 * 90_000  # ticks from frame to frame: reordered over four of them, below 2^31
CLOCK = 90_000  # ticks a second in the file written, the MPEG clock; precise enough for any frame rate


def annotate(
    source: str | PathLike[str],
    moments: Iterable[Moment],
    out: str | PathLike[str],
    classes: Sequence[str],
    *,
    truth: Iterable[Span] | None = None,
    width: int = WIDTH,
    copy: PictureCopy | None = None,
) -> None:
    """Write a copy of a video with its predictions beneath the pictures, in H.264.

    Every frame is shown at its time, with the last prediction before it. Sound is left out. Of a damaged source, the
    part that can be decoded is written. The file is written whole or not at all.

    Args:
        source: Video.
        moments: Predictions in order of time, read as they are needed.
        out: File to write (.mp4, .mkv, .mov, .m4v).
        classes: Names of the classes.
        truth: Labelled spans, shown beside the predictions.
        width: Pixels that pictures are scaled to, up or down.
        copy: Copy of the pictures of the source, which is read in place of them if it is whole.

    Raises:
        MediaError: `source` cannot be read, or no picture in it can be decoded.
        InputError: `out` is `source`, its suffix is another, or `width` is below 320.
        OSError: `out` cannot be written.
    """
    with needs_extra("watch", "annotating a video"):
        import av

    source, out = Path(source), Path(out)
    if width < 320:
        raise InputError(
            f"Labels cannot be read in a video {width} pixels wide: give a width of 320 or more."
        )
    if out.suffix.lower() not in KEEP_TIMES:
        raise InputError(f"{out}: expected a name that ends in {', '.join(KEEP_TIMES)}. Choose one of these.")
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(f"{out}: the annotated video would replace the video itself. Choose another name.")
    spans = None if truth is None else sorted(truth, key=lambda span: span.start)
    strip = LabelStrip(classes, width // 2 * 2, spans is not None)
    container, stream = open_video(source)
    with container, atomic_path(out) as beside:
        decoding = Decoding(container, stream)
        pictures: Iterable[Picture] = decoding
        aspect = float(stream.sample_aspect_ratio or 1)
        if copy is not None and copy.whole:
            pictures, aspect = copy.pictures(), 1.0
        frames = _annotated(pictures, aspect, iter(moments), spans, strip)
        try:
            with av.open(str(beside), "w") as target:
                writer: VideoStream | None = None
                for frame in _without_long_gaps(frames):
                    if writer is None:
                        writer = target.add_stream(
                            "libx264", rate=_rate(stream), options={"preset": "veryfast", "crf": "20"}
                        )
                        writer.width, writer.height, writer.pix_fmt = frame.width, frame.height, "yuv420p"
                        writer.codec_context.time_base = Fraction(1, CLOCK)
                    target.mux(writer.encode(frame))
                if writer is None:
                    raise MediaError(f"{source}: {decoding.trouble}.")
                target.mux(writer.encode(None))
        except av.FFmpegError as error:
            raise MediaError(f"{source}: its annotated copy cannot be written ({error.strerror}).") from error


def _without_long_gaps(frames: Iterable["VideoFrame"]) -> Iterator["VideoFrame"]:
    """Frames, and between two that are far apart the first of them again: MP4 holds steps below 2^31 ticks."""
    import av

    last: VideoFrame | None = None
    for frame in frames:
        if last is not None and last.pts is not None and frame.pts is not None:
            for pts in range(last.pts + LONGEST_STEP, frame.pts, LONGEST_STEP):
                again = av.VideoFrame.from_ndarray(last.to_ndarray(), format=last.format.name)
                again.pts, again.time_base = pts, last.time_base
                yield again
        yield frame
        last = frame


def _annotated(
    pictures: Iterable[Picture],
    aspect: float,
    moments: Iterator[Moment],
    truth: list[Span] | None,
    strip: LabelStrip,
) -> Iterator["VideoFrame"]:
    import av
    from av.video.reformatter import VideoReformatter

    scaler = VideoReformatter()
    current, following = None, next(moments, None)
    spans = deque(truth or ())
    height = 0
    drawn: tuple[Moment | None, str | None] | None = None
    canvas = np.zeros((0, 0, 3), np.uint8)
    for picture in pictures:
        while following is not None and following.frame <= picture.index:
            current, following = following, next(moments, None)
        while spans and spans[0].end <= picture.time:
            spans.popleft()
        really = spans[0].label if spans and spans[0].start <= picture.time else None
        if not height:
            height = shown_height(picture, aspect, strip.width)
            canvas = np.zeros((height + strip.height, strip.width, 3), np.uint8)
        canvas[:height] = _upright(picture, scaler, strip.width, height)
        if drawn is None or drawn != (current, really):  # most frames share the prediction of the one before
            canvas[height:] = np.asarray(strip.draw(current, really))
            drawn = current, really
        frame = av.VideoFrame.from_ndarray(canvas, format="rgb24")
        frame.pts, frame.time_base = round(picture.time * CLOCK), Fraction(1, CLOCK)
        yield frame


def _upright(picture: Picture, scaler: "VideoReformatter", width: int, height: int) -> np.ndarray:
    frame = picture.image
    shown = picture.orientation
    across, down = (height, width) if shown.transposed else (width, height)
    # Tiny pictures are shown as what they are, in large dots; others are smoothed.
    how = "POINT" if across >= 8 * frame.width else "BICUBIC"
    scaled = scaler.reformat(frame, across, down, "rgb24", interpolation=how, threads=1).to_ndarray()
    return shown.apply(scaled)


def _rate(stream: "VideoStream") -> Fraction:
    """Nominal frame rate for the header; each frame keeps its own time."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)
