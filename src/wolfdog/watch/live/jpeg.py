"""JPEG files of live pictures, for the page."""

import io

from av.video.reformatter import VideoReformatter
from PIL import Image

from .pictures import LivePicture

SIDE = 480
"""Longest side in pixels."""
_QUALITY = 72


def live_jpeg(picture: LivePicture, scaler: VideoReformatter, *, side: int = SIDE) -> bytes:
    """JPEG file of a picture as it is shown, reduced to `side` pixels.

    Args:
        picture: The picture.
        scaler: Tables of libswscale, which the caller keeps for a whole source.
        side: Longest side in pixels; smaller pictures are not enlarged.

    Returns:
        The bytes of the file.
    """
    frame = picture.image
    wide, high = frame.width * picture.pixel_aspect, float(frame.height)
    scale = min(1.0, side / max(wide, high))
    width, height = (max(1, round(part * scale)) for part in (wide, high))
    how = "AREA" if frame.width >= width and frame.height >= height else "BILINEAR"
    small = scaler.reformat(frame, width, height, "rgb24", interpolation=how, threads=1).to_ndarray()
    file = io.BytesIO()
    Image.fromarray(picture.picture.orientation.apply(small)).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
