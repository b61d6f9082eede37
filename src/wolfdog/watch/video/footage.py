"""Videos and still pictures opened alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .container import MAX_PIXELS, announced_seconds, open_video
from .decoding import Decoding
from .images import StillPicture, is_image
from .sampling import Sampling
from .source import Frame, VideoSource, small_picture

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Footage:
    """An open video or a still picture.

    Args:
        decoding: Its pictures in order.
        pixel_aspect: Width of a pixel over its height.
        seconds: How long it is, where that is announced.
    """

    decoding: Decoding | StillPicture
    pixel_aspect: float
    seconds: float | None


@contextmanager
def open_footage(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Footage]:
    """Open a video, or a still picture by its suffix; it is closed when the block ends.

    Args:
        path: The file.
        max_pixels: A file with larger pictures is refused.

    Raises:
        MediaError: It cannot be opened.
    """
    if is_image(path):
        yield Footage(StillPicture(path, max_pixels=max_pixels), 1.0, 0.0)
        return
    container, stream = open_video(path, max_pixels=max_pixels)
    with container:
        yield Footage(
            Decoding(container, stream),
            float(stream.sample_aspect_ratio or 1),
            announced_seconds(container, stream),
        )


@contextmanager
def open_frames(
    path: Path, size: int, sampling: Sampling, *, max_pixels: int = MAX_PIXELS
) -> Iterator["tuple[Iterable[Frame], VideoSource | None]"]:
    """The frames of a video or of a still picture, `size` by `size` pixels, and the source where it is a video.

    Raises:
        MediaError: It cannot be opened.
    """
    if is_image(path):
        yield [_frame(StillPicture(path, max_pixels=max_pixels), size)], None
        return
    with VideoSource(path, size, sampling, max_pixels=max_pixels) as source:
        yield source, source


def _frame(still: StillPicture, size: int) -> Frame:
    from av.video.reformatter import VideoReformatter

    picture = next(iter(still))
    return Frame(0, 0.0, 0.0, np.ascontiguousarray(small_picture(picture, size, VideoReformatter())))
