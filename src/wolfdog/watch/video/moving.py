"""Sampling of frames in which something moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from .decoding import Picture
from .sampling import Rate, T

if TYPE_CHECKING:
    from av.video.reformatter import VideoReformatter

SIDE, CELLS = 48, 8
"""Pixels of the side of the small grey pictures that are compared, and cells along it."""


@dataclass(frozen=True, slots=True)
class Moving:
    """Sampling at a constant rate, without the frames that look like the last one taken.

    A frame is taken where the mean grey level of one of 8 x 8 cells differs from that of the last frame taken by
    `least` or more, or where that frame is `rest` seconds old.

    Args:
        hz: Frames per second that are compared.
        rest: Longest pause in seconds between two frames taken.
        least: Least difference in grey levels, of 255.

    Raises:
        InputError: A value is not above 0.
    """

    hz: float
    rest: float = field(default=2.0, kw_only=True)
    least: float = field(default=4.0, kw_only=True)

    def __post_init__(self) -> None:
        Rate(self.hz)
        if not (self.rest > 0 and self.least > 0):
            raise InputError(f"Moving: rest and least must be above 0, got {self}.")

    def pick(self, frames: Iterator[T]) -> Iterator[T]:
        """Frames that differ from the last one taken, in order.

        Args:
            frames: Pictures of a video.

        Yields:
            The frames.
        """
        from av.video.reformatter import VideoReformatter

        scaler = VideoReformatter()
        last: tuple[float, NDArray[np.float64]] | None = None
        for frame in Rate(self.hz).pick(frames):
            cells = _cells(cast(Picture, frame), scaler)
            if (
                last is not None
                and frame.time - last[0] < self.rest
                and np.abs(cells - last[1]).max() < self.least
            ):
                continue
            last = frame.time, cells
            yield frame


def _cells(picture: Picture, scaler: "VideoReformatter") -> NDArray[np.float64]:
    """Mean grey levels [8, 8] of the cells of a picture."""
    small: Any = scaler.reformat(picture.image, SIDE, SIDE, "gray", interpolation="AREA", threads=1)
    grey: NDArray[np.float64] = small.to_ndarray().astype(np.float64)
    means: NDArray[np.float64] = grey.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean((1, 3))
    return means
