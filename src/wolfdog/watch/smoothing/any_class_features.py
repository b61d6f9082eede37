"""Features of each class and frame for the any-class memory."""

import torch
from torch import Tensor

LEAST = -12.0
"""Log probabilities below are raised to this: files round small probabilities to zero."""

_SHORTEST = 0.01
"""Seconds that are added to each interval before its logarithm is taken."""


def class_features(
    log_p: Tensor,
    top: Tensor,
    blank: Tensor,
    *,
    time: Tensor,
    spread: Tensor,
    confidence: Tensor,
    rows: Tensor,
) -> Tensor:
    """Features of rows or frames.

    Args:
        log_p: Log probabilities [..., K].
        top: 1 for the most probable class (of a detection), else 0 [..., K].
        blank: 1 for the blank class, else 0 [..., K].
        time: Result of `time_features` [..., 3].
        spread: Probability that the source spread evenly [...].
        confidence: Confidence of the detector [...], NaN if unknown.
        rows: Number of rows of the frame [...].

    Returns:
        Features [..., K, 12].
    """
    log_p = log_p.clamp(min=LEAST)
    K = log_p.shape[-1]
    known = ~confidence.isnan()
    shared = torch.stack(
        (
            spread,
            torch.where(known, confidence - 0.5, torch.zeros_like(confidence)),
            known.to(log_p.dtype),
            rows.log(),
            log_p.new_full(spread.shape, (torch.tensor(float(K)).log() / 3).item()),
        ),
        -1,
    )
    shared = torch.cat((time, shared), -1).unsqueeze(-2).expand(*log_p.shape, 8)
    own = torch.stack((log_p.clamp(min=-8) / 4, log_p.exp(), top, blank.expand_as(log_p)), -1)
    return torch.cat((own, shared), -1)


def top_class(log_p: Tensor) -> Tensor:
    """[..., K]: 1 for the most probable classes of each row, else 0."""
    return (log_p == log_p.amax(-1, keepdim=True)).to(log_p.dtype)


def lead_of_top(log_p: Tensor) -> Tensor:
    """[..., K]: 1 - second / first for the most probable class, from the two largest probabilities; 0 for the others.

    Near 1 where the classifier is sure, and 0 where two classes are equally probable.
    """
    if log_p.shape[-1] < 2:
        return torch.zeros_like(log_p)
    largest = log_p.topk(2, -1).values
    return top_class(log_p) * -torch.expm1(largest[..., 1:] - largest[..., :1])


class Clock:
    """Running logarithmic mean of the seconds between frames, for one stream or several side by side."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count: Tensor | float = 0.0

    def features(self, seconds: Tensor, *, use: bool = True) -> Tensor:
        """Features [T, ..., 3] of the seconds [T, ...] since the frame before; the running mean goes on.

        The logarithm of the seconds, its difference from the mean so far, and whether the time is known. Where it is
        not (NaN; and 0 at the first frame stays out of the mean), or with `use=False`, all are zero.
        """
        known = ~seconds.isnan() & use
        measured = known & (seconds > 0)
        log = torch.where(known, seconds.nan_to_num(0.0), torch.ones_like(seconds)).add(_SHORTEST).log()
        total = self.total + torch.where(measured, log, torch.zeros_like(log)).cumsum(0)
        count = self.count + measured.to(log.dtype).cumsum(0)
        if len(seconds):
            self.total, self.count = total[-1], count[-1]
        relative = torch.where(measured, log - total / count.clamp(min=1), torch.zeros_like(log))
        shown = torch.where(known, log / 4, torch.zeros_like(log))
        return torch.stack((shown, (relative / 4).clamp(-2, 3), known.to(log.dtype)), -1)
