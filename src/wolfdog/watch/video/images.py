"""Still pictures as footage: one upright frame each, with the time at which it was taken."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from wolfdog.errors import MediaError
from wolfdog.extras import needs_extra

from .container import MAX_PIXELS, check_file, too_large
from .decoding import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".bmp", ".jp2", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""File name endings taken for images, in lower case."""

SIDE = 1024
"""Pixels of a side to which a JPEG may be reduced while it is decoded: more than any classifier reads."""

_EXIF, _DATE, _ORIGINAL, _OFFSET, _ORIGINAL_OFFSET = 0x8769, 306, 36867, 36880, 36881


def is_image(path: Path) -> bool:
    """Whether a file counts as a still picture, by its suffix."""
    return path.suffix.lower() in SUFFIXES


class StillPicture:
    """Still picture with the interface of an open video: one frame of no duration.

    Its header is read at once, and its pixels whenever it is iterated.

    Args:
        path: The file.
        max_pixels: Largest picture in pixels; a file with a larger one is refused.

    Raises:
        MediaError: The file is missing, empty, too large or no picture; when it is iterated: it cannot be decoded.
    """

    end = 0.0
    trouble: str | None = None

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        self._path, self._max_pixels = path, max_pixels
        with _opened(path, max_pixels):
            pass

    def __iter__(self) -> Iterator[Picture]:
        import av

        with _opened(self._path, self._max_pixels) as image:
            from PIL import ImageOps

            if image.format == "JPEG":
                image.draft("RGB", (SIDE, SIDE))
            upright = _as_rgb(image)
            ImageOps.exif_transpose(upright, in_place=True)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(upright), format="rgb24")
        yield Picture(0, 0.0, 0.0, frame)


def image_dates(path: Path, file: BinaryIO | None = None) -> tuple[str, str]:
    """Time of a picture and its offset from UTC, from EXIF; empty texts without them.

    `DateTimeOriginal` and `OffsetTimeOriginal`, or else `DateTime` and `OffsetTime` (Exif 2.32).

    Args:
        path: The file.
        file: Its content, if it does not lie at the path.

    Returns:
        Both texts.

    Raises:
        MediaError: As of `StillPicture`.
    """
    with _opened(path, 1 << 62, file) as image:
        tags = image.getexif()
        details = tags.get_ifd(_EXIF)
    if details.get(_ORIGINAL):
        return _text(details[_ORIGINAL]), _text(details.get(_ORIGINAL_OFFSET))
    return _text(tags.get(_DATE)), _text(details.get(_OFFSET))


def _text(value: Any) -> str:
    return value.strip("\0 ") if isinstance(value, str) else ""


@contextmanager
def _opened(path: Path, max_pixels: int, file: BinaryIO | None = None) -> Iterator["Image"]:
    """File as a Pillow image whose pixels are not read yet; every failure is a MediaError."""
    with needs_extra("watch", "reading a picture"):
        from PIL import Image

    if file is None:
        check_file(path)
    bound = Image.MAX_IMAGE_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's own bound, and of odd tags
            Image.MAX_IMAGE_PIXELS = None
            try:
                image = Image.open(path if file is None else file)
            finally:
                Image.MAX_IMAGE_PIXELS = bound
            with image:
                if image.width * image.height > max_pixels:
                    raise MediaError(too_large(path, image.width, image.height, max_pixels))
                yield image
    except PermissionError as error:
        raise MediaError(f"{path}: no permission to read it. Change its permissions, or copy it.") from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        IndexError,
        KeyError,
        TypeError,
    ) as error:
        raise MediaError(
            f"{path}: not a picture, or damaged ({' '.join(str(error).split())}). Copy it from the camera again."
        ) from error


def _as_rgb(image: "Image") -> "Image":
    if image.mode.startswith(("I", "F")):  # sixteen bits or more: their range becomes 0 to 255
        values = np.asarray(image, np.float64)
        span = float(np.ptp(values)) or 1.0
        from PIL import Image

        made = Image.fromarray(np.uint8((values - values.min()) * (255 / span)))
        made.info = image.info
        return made.convert("RGB")
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()  # a copy of 12 megapixels takes longer than the classifier
    return image
