"""Sources of boxes within frames: the interface of motion, detectors and results files."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ..video.orientation import UPRIGHT, Orientation
from .preprocessing import Box, Image

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter


class FoundBox(NamedTuple):
    """Box within a frame.

    Args:
        box: Left, top, right and bottom.
        confidence: Confidence of the source, 0 to 1.
    """

    box: Box
    confidence: float


class FullFrame:
    """Decoded video frame in its own size; each conversion is made once, when it is first needed.

    Args:
        frame: The frame.
        scaler: Tables of libswscale.
        index: Number of the frame in its video.
        time: Seconds from the start of the video.
        pixel_aspect: Width of a pixel divided by its height.
        orientation: Orientation in which the frame is shown.
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
        """Upright RGB image uint8 [H, W, 3] of square pixels."""
        if self._rgb is None:
            width = max(1, round(self._frame.width * self._pixel))
            self._rgb = self._converted(width, self._frame.height, "rgb24")
        return self._rgb

    def grey(self, rows: int) -> Image:
        """Grey image uint8 [rows, columns] with the aspect ratio of the frame."""
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
    """Source of the boxes of one video, frame by frame."""

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        """Boxes within one frame, the most important first."""
        ...


class BoxSource(Protocol):
    """Source of boxes for any video."""

    @property
    def identity(self) -> str:
        """Text that changes whenever the boxes may change; a part of the keys of caches."""
        ...

    @property
    def objects(self) -> bool:
        """Whether boxes are objects with labels of their own, or further views of a frame that has one label."""
        ...

    def finder(self, media: str) -> BoxFinder:
        """Source of the boxes of one video or image, by its path."""
        ...
