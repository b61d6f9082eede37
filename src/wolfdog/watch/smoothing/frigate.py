"""Median of the last scores, after Frigate."""

from dataclasses import dataclass

import numpy as np

from .method import Floats, Method, Stream
from .windows import check_frames, window_bounds


@dataclass(frozen=True, kw_only=True)
class Median(Method):
    """Median of each class's score over the last 10 frames, after Frigate's score of a tracked object.

    Source: Frigate, `TrackedObject.compute_score`: the median of the last 10 scores, with a score of 0 while the object
        was not
    seen. Here each class is such an object, and its score is its probability; for a frame with several rows, the mean
    of theirs, and in a row's own frame its own. Before the tenth frame, the median is over the frames so far. If all
    medians are zero, the row's own probabilities decide. Looking ahead, the window lies around the frame.

    Attributes:
        frames: Length of the window.
    """

    name = "median10"
    frames: int = 10

    def __post_init__(self) -> None:
        check_frames(self.frames)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        start, end = window_bounds(len(stream.first), self.frames, ahead=ahead)
        medians = np.empty_like(stream.of_frames)
        full = np.flatnonzero(end - start == self.frames)
        if len(full):
            windows = np.lib.stride_tricks.sliding_window_view(stream.of_frames, self.frames, axis=0)
            medians[full] = np.median(windows[start[full]], axis=-1)
        for f in np.flatnonzero(end - start < self.frames):
            medians[f] = np.median(stream.of_frames[start[f] : end[f]], axis=0)
        context = medians[stream.frame]
        for row in np.flatnonzero(stream.rows[stream.frame] > 1):
            f = stream.frame[row]
            window = stream.of_frames[start[f] : end[f]].copy()
            window[f - start[f]] = stream.p[row]
            context[row] = np.median(window, axis=0)
        return np.asarray(context + 1e-6 * stream.p)
