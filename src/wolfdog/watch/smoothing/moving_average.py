"""Mean of the last frames, and exponential moving average."""

from dataclasses import dataclass

import numpy as np

from wolfdog.errors import InputError

from .method import Floats, Method, Stream
from .windows import check_frames, window_bounds


@dataclass(frozen=True, kw_only=True)
class Mean(Method):
    """Mean of the probabilities of the last frames; looking ahead, of a window around the frame.

    Other frames count with the mean of their rows, the row's own frame with the row itself.

    Attributes:
        frames: Length of the window.
    """

    name = "mean"
    frames: int = 5

    def __post_init__(self) -> None:
        check_frames(self.frames)

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        start, end = window_bounds(len(stream.first), self.frames, ahead=ahead)
        total = np.concatenate((np.zeros((1, stream.p.shape[1])), stream.of_frames.cumsum(0)))
        others = total[end] - total[start] - stream.of_frames
        return np.asarray(others[stream.frame].clip(0) + stream.p)


@dataclass(frozen=True, kw_only=True)
class ExponentialMovingAverage(Method):
    """Exponential moving average of the probabilities.

        m_t = (1 - weight) m_{t-1} + weight p_t

    It starts from the first frame. Looking ahead, it is the mean of this average and of the one from the end. Earlier
    frames count with the mean of their rows, the row's own frame with the row itself.

    Attributes:
        weight: Weight of the newest frame, above 0 and up to 1.
    """

    name = "ema"
    weight: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise InputError(f"weight must be above 0 and up to 1, got {self.weight}.")

    def of_stream(self, stream: Stream, *, ahead: bool) -> Floats:
        context = self._past(stream.of_frames)[stream.frame]
        if ahead:
            context = (context + self._past(stream.of_frames[::-1])[::-1][stream.frame]) / 2
        alone = (stream.frame == 0) & (not ahead)
        return np.asarray(
            np.where(alone[:, None], stream.p, (1 - self.weight) * context + self.weight * stream.p)
        )

    def _past(self, p: Floats) -> Floats:
        """[F, K]: the average before each frame; at the first, the frame itself."""
        past = np.empty_like(p)
        past[:1] = p[:1]
        now = p[0]
        for t in range(1, len(p)):
            past[t] = now
            now = (1 - self.weight) * now + self.weight * p[t]
        return past
