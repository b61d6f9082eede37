"""Windows of frames around or before each frame."""

import numpy as np

from wolfdog.errors import InputError

from .method import Integers


def check_frames(frames: int) -> None:
    """Check of the length of a window.

    Raises:
        InputError: It is no number of frames.
    """
    if not isinstance(frames, int) or frames < 1:
        raise InputError(f"frames must be a whole number of at least 1, got {frames!r}.")


def window_bounds(count: int, frames: int, *, ahead: bool) -> tuple[Integers, Integers]:
    """Starts and ends (exclusive) of each frame's window [count]: the last `frames`, or as many around it.

    At the ends of a stream the window is cut off. A window of an even number has one more before than after.

    Args:
        count: Number of frames of the stream.
        frames: Length of a window.
        ahead: Whether windows lie around the frames.

    Returns:
        Starts and ends.
    """
    t = np.arange(count)
    after = (frames - 1) // 2 if ahead else 0
    return np.maximum(t + after + 1 - frames, 0), np.minimum(t + after + 1, count)
