"""Streams of labelled videos in their own order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from .labelled_video import UNLABELLED, LabelledVideo
from .streams import Curriculum, StreamBatch, saved_generator, saved_numbers


class VideoStreams:
    """N streams of labelled videos; at the end of a video, a stream continues with another one at random.

    While the curriculum lasts, a span without a label or with a label in `uninformative` is kept only with a
    probability that rises from `dense` to 1. The order of the spans is kept: a memory relates the same moments, with
    shorter gaps between them.

    Args:
        footage: Labelled videos.
        uninformative: Indices of the classes that give no information about others, such as "unknown".
        streams: Number of streams, N.
        seed: Seed of the choice of videos and spans.
        curriculum: Change of the share of uninformative spans over the training.

    Raises:
        InputError: The footage has no frame.
    """

    def __init__(
        self,
        footage: Sequence[LabelledVideo],
        uninformative: Sequence[int],
        streams: int,
        seed: int,
        curriculum: Curriculum | None = None,
    ) -> None:
        self._footage = [video for video in footage if len(video)]
        if not self._footage:
            raise InputError("nothing to train on: the footage holds no frame")
        self._further = [_further(video) for video in self._footage]
        self._thin = np.array([*uninformative, UNLABELLED])
        self._rng = np.random.default_rng(seed)
        self._curriculum = curriculum or Curriculum()
        lengths = np.array([len(video) for video in self._footage])
        self._share = lengths / lengths.sum()
        self._video = self._rng.choice(len(self._footage), streams, p=self._share)
        # Readers begin somewhere in the middle, or all of them would be at beginnings together.
        self._at = np.array([int(self._rng.integers(lengths[video])) for video in self._video])
        self._new = np.ones(streams, bool)

    def draw(self, length: int, progress: float) -> StreamBatch:
        """Next moments of all streams; see `Streams`."""
        keep = self._curriculum.between(self._curriculum.dense, 1.0, progress)
        picked = [[self._next(stream, keep) for stream in range(len(self._at))] for _ in range(length)]
        footage = self._footage
        return StreamBatch(
            torch.from_numpy(
                np.stack([[footage[video].events[at] for video, at, _ in row] for row in picked])
            ),
            torch.tensor([[self._label(video, at) for video, at, _ in row] for row in picked]),
            torch.tensor([[new for _, _, new in row] for row in picked]),
            torch.tensor(
                [[float(footage[video].times[at]) for video, at, _ in row] for row in picked]
            ).double(),
        )

    def _label(self, video: int, at: int) -> int:
        """Label of a frame; where several hold, one of them at random."""
        first, others = int(self._footage[video].labels[at]), self._further[video].get(at)
        return first if others is None else int(self._rng.choice([first, *others]))

    def _next(self, stream: int, keep: float) -> tuple[int, int, bool]:
        """Video, frame in it, and whether a deployment begins there; the stream moves on by one frame."""
        video, at, new = int(self._video[stream]), int(self._at[stream]), bool(self._new[stream])
        following, fresh = at + 1, False
        spans, labels = self._footage[video].spans, self._footage[video].labels
        while following < len(spans) and spans[following] != spans[following - 1]:
            if labels[following] not in self._thin or self._rng.random() < keep:
                break
            rest = np.flatnonzero(spans[following:] != spans[following])
            following = following + int(rest[0]) if len(rest) else len(spans)
        if following >= len(spans):
            self._video[stream] = self._rng.choice(len(self._footage), p=self._share)
            following, fresh = 0, True
        self._at[stream], self._new[stream] = following, fresh
        return video, at, new

    def state_dict(self) -> dict[str, Any]:
        """State of the streams, for JSON."""
        return {
            "rng": self._rng.bit_generator.state,
            "video": self._video.tolist(),
            "at": self._at.tolist(),
            "new": self._new.tolist(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; see `Streams`."""
        rng, streams = saved_generator(state), self._at.shape
        video = saved_numbers(state, "video", streams, 0, len(self._footage))
        lengths = [len(self._footage[number]) for number in video]
        at, new = saved_numbers(state, "at", streams, 0, lengths), saved_numbers(state, "new", streams, 0, 2)
        self._rng, self._video, self._at, self._new = rng, video, at, new.astype(bool)


def _further(video: LabelledVideo) -> dict[int, list[int]]:
    """Further labels of each frame that has several."""
    further: dict[int, list[int]] = {}
    for frame, label in video.further.tolist():
        further.setdefault(frame, []).append(label)
    return further
