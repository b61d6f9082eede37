"""Sources of boxes within frames: the interface of motion, detectors and results files."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ..video.orientation import UPRIGHT, Orientation
from .preprocessing import Box, Image

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter


class FoundBox(NamedTuple):
    """A box within a frame."""

    box: Box
    """Left, top, right, bottom, in parts of the frame's width and height from 0 to 1."""
    confidence: float
    """Of the detector, 0 to 1; NaN where there is none."""


class FullFrame:
    """A decoded video frame in its own size, converted when it is asked for, and then once.

    Args:
        frame: The frame.
        scaler: Libswscale's tables.
        index: Number of the frame in its video.
        time: Seconds from the start of the video.
        pixel_aspect: Width of a pixel over its height.
        orientation: How the frame is to be shown.
    """

    def __init__(
        self,
        frame: "VideoFrame",
        scaler: "VideoReformatter",
        *,
        index: int,
        time: float,
        pixel_aspect: float = 1.0,
        orientation: Orientation = UPRIGHT,
    ) -> None:
        self.index, self.time = index, time
        self._frame, self._scaler, self._pixel = frame, scaler, pixel_aspect
        self._orientation = orientation
        self._rgb: Image | None = None

    def rgb(self) -> Image:
        """uint8 [H, W, 3], upright, of square pixels."""
        if self._rgb is None:
            width = max(1, round(self._frame.width * self._pixel))
            self._rgb = self._converted(width, self._frame.height, "rgb24")
        return self._rgb

    def grey(self, rows: int) -> Image:
        """uint8 [rows, columns], of the frame's shape."""
        wide, high = self._frame.width * self._pixel, self._frame.height
        if self._turned():
            return self._converted(rows, max(1, round(rows * high / wide)), "gray8")
        return self._converted(max(1, round(rows * wide / high)), rows, "gray8")

    def _turned(self) -> bool:
        return self._orientation.transposed

    def _converted(self, width: int, height: int, format_: str) -> Image:
        small = width < self._frame.width and height < self._frame.height
        how = "AREA" if small else "BILINEAR"
        made = self._scaler.reformat(self._frame, width, height, format_, interpolation=how, threads=1)
        return np.ascontiguousarray(self._orientation.apply(made.to_ndarray()))


class BoxFinder(Protocol):
    """Boxes of one video, frame by frame in their order."""

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        """Boxes within one frame, the most important first."""
        ...


class BoxSource(Protocol):
    """A way to find boxes, for any video."""

    @property
    def identity(self) -> str:
        """A text that changes whenever the boxes may change: a part of keys of caches."""
        ...

    @property
    def objects(self) -> bool:
        """Whether boxes are objects with labels of their own, or second looks at a frame that has one label."""
        ...

    def finder(self, media: str) -> BoxFinder:
        """A finder for one video or image, by its path."""
        ...
