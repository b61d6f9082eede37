"""Motion in front of a camera that stands still: difference from a running median of the stream."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from .boxes import FoundBox, FullFrame
from .preprocessing import Box

Grey = NDArray[np.uint8]
"""Small grey picture of a frame: uint8, shape [h, w]."""
HEIGHT = 90
"""Rows of the small grey pictures that motion is looked for in."""
_FEWEST = 3
"""Samples that make a median: what moved between them is not in it."""
_CELL = 5
"""Pixels along a side of the cells that regions are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionOptions:
    """Settings of `MotionRegions`; the defaults were chosen on real clips.

    Args:
        seconds: Length of the past over which the median is taken.
        samples: Number of pictures of it that are kept.
        least: Least difference of a moving pixel, in grey levels.
        noise: Least difference of a moving pixel, in deviations of the picture's own noise.
        most: Largest part of the picture that may move; above it, the camera moves or the light changes, and no region
            counts.
        regions: Largest number of regions in a frame.

    Raises:
        InputError: A setting is out of range.
    """

    seconds: float = 10.0
    samples: int = 15
    least: float = 14.0
    noise: float = 5.0
    most: float = 0.35
    regions: int = 2

    objects = False

    @property
    def identity(self) -> str:
        """Settings, as a part of keys of caches."""
        return f"motion 1 {self}"

    def finder(self, media: str) -> "MotionRegions":
        """Motion of one video, from its beginning.

        Args:
            media: Path of the video; not used.

        Returns:
            Source of its boxes.
        """
        return MotionRegions(self)

    def __post_init__(self) -> None:
        positive = self.seconds > 0 and self.least > 0 and self.noise >= 0 and 0 < self.most <= 1
        if not positive or self.samples < _FEWEST or self.regions < 1:
            raise InputError(
                f"Motion takes 3 samples or more, 1 region or more and sizes above 0, got {self}."
            )


class MotionRegions:
    """Boxes around moving regions of a stream, by background subtraction with a temporal median.

        B_t(p)  = median over the kept pictures before t of I(p)
        d_t(p)  = |I_t(p) - B_t(p)|
        p moves where d_t(p) > max(least, noise * 1.48 median_p d_t)

    Moving pixels are gathered in cells of 5 x 5, and cells that touch become regions. If more than `most` of the
    picture moves, the camera does, and there are no regions until the median shows the new scene. An object that stands
    still for half of `seconds` becomes background.

    Source: N. J. B. McFarlane, C. P. Schofield 1995, "Segmentation and tracking of piglets in images", for the median.

    Args:
        options: Settings; None for the defaults.
    """

    def __init__(self, options: MotionOptions | None = None) -> None:
        self.options = options or MotionOptions()
        self._kept: deque[Grey] = deque(maxlen=self.options.samples)
        self._next = -np.inf
        self._median: NDArray[np.float32] | None = None

    def boxes(self, frame: FullFrame) -> list[FoundBox]:
        """Boxes around the moving regions of one frame, the largest first."""
        return [FoundBox(box, np.nan) for box in self.regions(frame.grey(HEIGHT), frame.time)]

    def regions(self, grey: Grey, time: float) -> list[Box]:
        """Boxes around the moving regions of one picture, as shares of its width and height from 0 to 1.

        Args:
            grey: Grey frame [h, w], of one size throughout the stream and about `HEIGHT` rows.
            time: Seconds, not decreasing.

        Returns:
            Left, top, right, bottom of each region, the largest first; none before three samples.
        """
        found = self._found(grey) if self._median is not None else []
        if time >= self._next:
            self._keep(grey)
            self._next = time + self.options.seconds / self.options.samples
        return found

    def _keep(self, grey: Grey) -> None:
        if self._kept and self._kept[0].shape != grey.shape:
            self._kept.clear()
            self._median = None
        self._kept.append(grey)
        if len(self._kept) >= _FEWEST:
            self._median = np.median(np.stack(self._kept), axis=0).astype(np.float32)

    def _found(self, grey: Grey) -> list[Box]:
        if self._median is None or self._median.shape != grey.shape:
            return []
        options = self.options
        difference = np.abs(grey - self._median)
        limit = max(options.least, options.noise * 1.48 * float(np.median(difference)))
        moving = difference > limit
        if moving.mean() > options.most:
            return []
        height, width = grey.shape
        rows, columns = height // _CELL, width // _CELL
        if not rows or not columns:
            return []
        cells = moving[: rows * _CELL, : columns * _CELL].reshape(rows, _CELL, columns, _CELL).sum((1, 3))
        found = []
        for members in _touching(cells >= _CELL):  # a fifth of its pixels: single ones are noise
            mass = int(cells[members[:, 0], members[:, 1]].sum())
            if mass < 2 * _CELL:
                continue
            (top, left), (bottom, right) = members.min(0), members.max(0) + 1
            box = (left * _CELL / width, top * _CELL / height, right * _CELL / width, bottom * _CELL / height)
            found.append((mass, box))
        found.sort(key=lambda pair: -pair[0])
        return [(float(a), float(b), float(c), float(d)) for _, (a, b, c, d) in found[: options.regions]]


def _touching(cells: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Groups of set cells that touch at a side or a corner or lie one cell apart: [n, 2] each.

    Examples:
        >>> [len(group) for group in _touching(np.array([[1, 0, 1, 0, 0, 1]], bool))]
        [2, 1]
    """
    left = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    groups = []
    while left:
        group, edge = [], [left.pop()]
        while edge:
            row, column = edge.pop()
            group.append((row, column))
            near = [(row + i, column + k) for i in range(-2, 3) for k in range(-2, 3)]
            reached = [cell for cell in near if cell in left]
            left.difference_update(reached)
            edge.extend(reached)
        groups.append(np.array(group))
    groups.sort(key=lambda group: (group[:, 0].min(), group[:, 1].min()))
    return groups
