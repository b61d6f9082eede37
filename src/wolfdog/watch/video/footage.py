"""Opening of videos and still pictures through one interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .container import MAX_PIXELS, announced_seconds, open_video
from .decoding import Decoding, PictureObserver
from .images import StillPicture, is_image
from .live import LiveSource
from .live_address import Live
from .sampling import Sampling
from .source import Frame, VideoSource, small_picture

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Footage:
    """Open video or still picture.

    Args:
        decoding: Its pictures in order.
        pixel_aspect: Width of a pixel divided by its height.
        seconds: Its length, if the header has one.
    """

    decoding: Decoding | StillPicture
    pixel_aspect: float
    seconds: float | None


@contextmanager
def open_footage(
    path: Path, *, max_pixels: int = MAX_PIXELS, observer: PictureObserver | None = None
) -> Iterator[Footage]:
    """Context with an open video or, by the suffix, still picture.

    Args:
        path: The file.
        max_pixels: Largest picture in pixels; a file with larger ones is refused.
        observer: Sees every picture of a video that is decoded.

    Yields:
        The footage.

    Raises:
        MediaError: It cannot be opened.
    """
    if is_image(path):
        yield Footage(StillPicture(path, max_pixels=max_pixels), 1.0, 0.0)
        return
    container, stream = open_video(path, max_pixels=max_pixels)
    with container:
        yield Footage(
            Decoding(container, stream, observer=observer),
            float(stream.sample_aspect_ratio or 1),
            announced_seconds(container, stream),
        )


def live_frames(live: Live, size: int, *, sampling: Sampling) -> Iterator[Frame]:
    """Frames of a live source, `size` by `size` pixels.

    Args:
        live: The source.
        size: Pixels of a side.
        sampling: Which frames.

    Raises:
        MediaError: The first connection fails.
    """
    from av.video.reformatter import VideoReformatter

    scaler = VideoReformatter()
    for picture in LiveSource(live.address, sampling=sampling, options=live.options, stop=live.stop):
        image = np.ascontiguousarray(small_picture(picture, size, scaler))
        yield Frame(picture.index, picture.time, picture.end - picture.time, image)


@contextmanager
def open_frames(
    path: Path,
    size: int,
    sampling: Sampling,
    *,
    max_pixels: int = MAX_PIXELS,
    observer: PictureObserver | None = None,
) -> Iterator["tuple[Iterable[Frame], VideoSource | None]"]:
    """Context with the frames of a video or of a still picture, `size` by `size` pixels.

    Args:
        path: The file.
        size: Pixels of a side.
        sampling: Choice of frames.
        max_pixels: Largest picture in pixels; a file with larger ones is refused.
        observer: Sees every picture of a video.

    Yields:
        The frames, and their source if it is a video.

    Raises:
        MediaError: It cannot be opened.
    """
    if is_image(path):
        yield [_frame(StillPicture(path, max_pixels=max_pixels), size)], None
        return
    with VideoSource(path, size, sampling=sampling, max_pixels=max_pixels, observer=observer) as source:
        yield source, source


def _frame(still: StillPicture, size: int) -> Frame:
    from av.video.reformatter import VideoReformatter

    picture = next(iter(still))
    return Frame(0, 0.0, 0.0, np.ascontiguousarray(small_picture(picture, size, VideoReformatter())))
