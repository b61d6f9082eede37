"""Orientation of pictures: turns and mirrorings that a camera records."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class Orientation(NamedTuple):
    """Turns and mirrorings of a picture, one of eight: along its diagonal, then from side to side, then upside down.

    Args:
        transposed: Whether rows and columns change places.
        mirrored: Whether left and right change places.
        flipped: Whether top and bottom change places.

    Examples:
        >>> Orientation(True, True, False).apply(np.array([[1, 2], [3, 4]])).tolist()  # a quarter turn clockwise
        [[3, 1], [4, 2]]
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Orientation":
        """Orientation in a video frame's display matrix, to the nearest quarter turn.

        The matrix maps a pixel (x, y) to (a x + c y, b x + d y) (ISO/IEC 14496-12, track header box).
        """
        side: Any = frame.side_data.get("DISPLAYMATRIX")
        if side is None:
            return UPRIGHT
        numbers = np.frombuffer(bytes(side), np.int32)
        if len(numbers) < 9:
            return UPRIGHT
        a, b, _, c, d = (int(number) for number in numbers[:5])
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    def apply(self, image: NDArray[Any]) -> NDArray[Any]:
        """Picture [H, W, ...] as shown; the same array if nothing changes."""
        if self.transposed:
            image = np.swapaxes(image, 0, 1)
        if self.mirrored:
            image = image[:, ::-1]
        return image[::-1] if self.flipped else image


UPRIGHT = Orientation()
"""Orientation that changes nothing."""
