"""Majority vote of the last frames."""

from dataclasses import dataclass

import numpy as np

from .method import Floats, Method, Stream
from .windows import check_frames, window_bounds


@dataclass(frozen=True, kw_only=True)
class Majority(Method):
    """Majority vote of the labels of the last frames; looking ahead, of a window around the frame.

    For n votes and the row's own probabilities p the context is (votes + p) / (n + 1), so that the row itself breaks
    ties. A frame of several rows divides its vote among them; in its own frame only the row votes.

    Attributes:
        frames: Length of the window.
    """

    name = "majority"
    frames: int = 5

    def __post_init__(self) -> None:
        check_frames(self.frames)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        own = np.eye(stream.p.shape[1])[stream.labels]
        votes = stream.mean_of_frames(own)
        start, end = window_bounds(len(votes), self.frames, ahead=ahead)
        total = np.concatenate((np.zeros((1, votes.shape[1])), votes.cumsum(0)))
        others = (total[end] - total[start] - votes).round(9)
        return np.asarray(others[stream.frame] + own + stream.p)
