"""Frames of one deployment, or of several variants of it, as tensors."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..smoothing.method import Floats, Stream


@dataclass(frozen=True)
class Frames:
    """T frames of B variants of a deployment: what a recurrent memory reads of each frame.

    Attributes:
        p: [T, B, K] mean of the classifier's probabilities over the frame's rows.
        top: [T, B, K] 1 for the classes that are the most probable of a row, else 0.
        time: [T, B] seconds; NaN where unknown.
        spread: [T, B] mean of the probability that was spread evenly.
        confidence: [T, B] mean of the detector's confidence; NaN where unknown.
        clarity: [T, B] mean clarity of the pictures; NaN where unknown.
        rows: [T, B] number of rows.
    """

    p: Tensor
    top: Tensor
    time: Tensor
    spread: Tensor
    confidence: Tensor
    clarity: Tensor
    rows: Tensor

    @classmethod
    def of(cls, stream: Stream) -> "Frames":
        """The frames of a deployment: one variant."""
        top = np.asarray(stream.p == stream.p.max(-1, keepdims=True), np.float64)

        def tensor(values: Floats) -> Tensor:
            return torch.from_numpy(np.asarray(values, np.float32)).unsqueeze(1)

        return cls(
            tensor(stream.of_frames),
            tensor(np.maximum.reduceat(top, stream.first, axis=0)),
            torch.from_numpy(stream.time).unsqueeze(1),
            tensor(stream.mean_of_frames(stream.table.spread.astype(np.float64))),
            tensor(stream.mean_of_frames(stream.table.confidence.astype(np.float64))),
            tensor(stream.mean_of_frames(stream.table.clarity.astype(np.float64))),
            tensor(stream.rows.astype(np.float64)),
        )

    def without(self, starts: Tensor, length: int = 1) -> "Frames":
        """Variants [T - length, B] of one deployment, each without so many frames from a start [B] on."""
        kept = torch.arange(len(self.p) - length).unsqueeze(1)
        kept = kept + length * (kept >= starts).long()  # [T - length, B]: position of each frame that stays
        return self._map(lambda values: values[:, 0][kept])

    def cut(self, start: int, end: int) -> "Frames":
        """Frames from `start` up to, not including, `end`."""
        return self._map(lambda values: values[start:end])

    def with_labels(self, frames: Tensor, labels: Tensor) -> "Frames":
        """Variants [T, B] of one deployment, in each of which one frame [B] has a certain label [B]."""
        B, K = len(frames), self.p.shape[-1]
        wide = self._map(lambda values: values.expand(-1, B, *values.shape[2:]).clone())
        known = torch.nn.functional.one_hot(labels, K).to(self.p.dtype)
        variant = torch.arange(B)
        wide.p[frames, variant] = known
        wide.top[frames, variant] = known
        wide.spread[frames, variant] = 0
        return wide

    @property
    def seconds(self) -> Tensor:
        """[T, B]: since the frame before; 0 at the first."""
        return torch.diff(self.time, dim=0, prepend=self.time[:1]).float()

    def _map(self, change: Any) -> "Frames":
        return Frames(**{field.name: change(getattr(self, field.name)) for field in fields(self)})
