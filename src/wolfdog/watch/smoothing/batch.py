"""Batches of simulated streams as the any-class network reads them."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .any_class_features import Clock, class_features, top_class
from .any_class_network import AnyClassNetwork
from .simulation import Streams


class Batch(NamedTuple):
    """Simulated streams as the network reads them: T frames, B streams, D rows of each frame, K classes.

    Attributes:
        labels: True classes [T, B, D]; -100 where the frame has no such row.
        log_p: Log probabilities of the classifier [T, B, D, K].
        rows: Features of rows [T, B, D, K, F].
        frames: Features of frames [T, B, K, F], for the forward cell.
        frames_back: Features of frames [T, B, K, F], for the backward cell.
    """

    labels: Tensor
    log_p: Tensor
    rows: Tensor
    frames: Tensor
    frames_back: Tensor


def as_batch(tracks: list[Streams], blank: NDArray[np.bool_], *, times: bool = True) -> Batch:
    """Batch of streams that share their times; the second and later ones have rows only while in view.

    Args:
        tracks: D simulations of the same N cameras.
        blank: Whether the network knows that class 0 is the blank one [N].
        times: Whether it reads the seconds between frames.

    Returns:
        The batch.
    """
    first = tracks[0]
    T, N, K = first.log_probabilities.shape

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(track, name) for track in tracks], 2))

    log_p, labels, present = stacked("log_probabilities"), stacked("labels"), stacked("in_view")
    spread, confidence = stacked("spread"), stacked("confidence")
    present[:, :, 0] = True
    is_blank = torch.zeros(N, K)
    is_blank[:, 0] = torch.from_numpy(blank.astype(np.float32))
    seconds = torch.from_numpy(first.seconds)
    count = present.sum(2).float()

    def mean(values: Tensor) -> Tensor:
        shown = present if values.dim() == 3 else present.unsqueeze(-1)
        shown_count = count if values.dim() == 3 else count.unsqueeze(-1)
        return torch.where(shown, values, torch.zeros_like(values)).sum(2) / shown_count

    top = top_class(log_p)
    time_ahead = Clock().features(seconds, use=times)
    back = torch.cat((seconds[1:], torch.zeros_like(seconds[:1]))).flip(0)
    time_back = Clock().features(back, use=times).flip(0)

    def of_frames(clock: Tensor) -> Tensor:
        return class_features(
            mean(log_p.exp()).clamp(min=1e-30).log() if len(tracks) > 1 else log_p[:, :, 0],
            torch.where(present.unsqueeze(-1), top, torch.zeros_like(top)).amax(2),
            is_blank,
            time=clock,
            spread=mean(spread),
            confidence=mean(confidence),
            rows=count,
        )

    rows = class_features(
        log_p,
        top,
        is_blank.unsqueeze(1),
        time=time_ahead.unsqueeze(2).expand(T, N, len(tracks), 3),
        spread=spread,
        confidence=confidence,
        rows=count.unsqueeze(-1).expand_as(spread),
    )
    return Batch(
        torch.where(present, labels, torch.full_like(labels, -100)),
        log_p,
        rows,
        of_frames(time_ahead),
        of_frames(time_back),
    )


def predict(network: AnyClassNetwork, batch: Batch, y: Tensor, *, ahead: bool) -> Tensor:
    """Log probabilities [T, B, D, K] of a batch's rows from the states [T, B, K, ...] of its frames."""
    y = y.unsqueeze(2).expand(*y.shape[:2], batch.log_p.shape[2], *y.shape[2:])
    return network.read(batch.log_p, y, batch.rows, ahead=ahead)
