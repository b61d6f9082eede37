"""Thumbnails: frames of videos and images as small JPEG files, where the source files are found."""

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import MediaError
from wolfdog.extras import needs_extra

from ..video.container import frame_period, open_video
from ..video.images import StillPicture, is_image
from ..video.orientation import Orientation

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SIDE = 320
"""Longest side of a thumbnail in pixels."""
_QUALITY = 72
_LINE = (255, 196, 0)


class Wanted(NamedTuple):
    """Frame of which a thumbnail is wanted.

    Attributes:
        row: Row of the predictions.
        seconds: Time from the start of the video; NaN if unknown.
        frame: Number of the frame.
        box: Box of a detection as x, y, width and height in shares of the picture; NaN for none.
    """

    row: int
    seconds: float
    frame: int
    box: NDArray[np.float32]


def find_medium(name: str, roots: Sequence[Path]) -> Path | None:
    """File of a name in the results, under one of some folders; None where there is none.

    The name is tried whole and without its first folders. A name that leads out of a folder is not followed.

    Args:
        name: Name in the results.
        roots: Folders, the first ones first.

    Returns:
        The file.
    """
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".", "")]
    if not parts or ".." in parts or "\0" in name:
        return None
    for root in roots:
        for skipped in range(len(parts)):
            path = root.joinpath(*parts[skipped:])
            try:
                if path.is_file() and path.resolve().is_relative_to(root.resolve()):
                    return path
            except OSError:  # a name that is too long for a file
                continue
    return None


def thumbnails(path: Path, wanted: Iterable[Wanted]) -> Iterator[tuple[int, bytes]]:
    """Thumbnails of one video or image; frames that cannot be decoded are left out.

    Args:
        path: The file.
        wanted: Frames of it.

    Yields:
        The row and the JPEG file of each.
    """
    try:
        if is_image(path):
            [picture] = StillPicture(path)
            pixels = picture.image.to_ndarray(format="rgb24")
            for one in wanted:
                yield one.row, jpeg(pixels, one.box)
            return
        container, stream = open_video(path)
        with container:
            for one in sorted(wanted, key=lambda one: one.frame):
                frame = _frame_at(container, stream, one)
                if frame is not None:
                    pixels = Orientation.of(frame).apply(frame.to_ndarray(format="rgb24"))
                    yield one.row, jpeg(pixels, one.box)
    except MediaError:
        return


def _frame_at(container: "InputContainer", stream: "VideoStream", one: Wanted) -> "VideoFrame | None":
    """Frame at a time, from the keyframe before it on; the last one before an end of the file or a damage."""
    with needs_extra("watch", "a thumbnail"):
        import av

    period = frame_period(stream)
    seconds = one.frame * period if np.isnan(one.seconds) else one.seconds
    target = (container.start_time or 0) / 1e6 + seconds
    found = None
    try:
        container.seek(int(max(target, 0) * 1e6), backward=True)
        for frame in container.decode(stream):
            found = frame
            if frame.time is None or frame.time + period / 2 >= target:
                break
    except (av.FFmpegError, OSError, ValueError):
        return found
    return found


def jpeg(pixels: NDArray[Any], box: NDArray[np.float32] | None = None) -> bytes:
    """JPEG file of a picture, reduced to `SIDE` pixels, with the outline of a box.

    Args:
        pixels: Red, green and blue [height, width, 3], uint8.
        box: x, y, width and height in shares of the picture; None or NaN for none.

    Returns:
        The bytes of the file.
    """
    with needs_extra("watch", "a thumbnail"):
        from PIL import Image, ImageDraw

    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((SIDE, SIDE))
    if box is not None and not np.isnan(box).any():
        x, y, width, height = (float(value) for value in box)
        ends = (x * image.width, y * image.height, (x + width) * image.width, (y + height) * image.height)
        left, top, right, bottom = (
            min(max(end, 0), size - 1) for end, size in zip(ends, image.size * 2, strict=True)
        )
        ImageDraw.Draw(image).rectangle(
            (left, top, max(left, right), max(top, bottom)), outline=_LINE, width=2
        )
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
