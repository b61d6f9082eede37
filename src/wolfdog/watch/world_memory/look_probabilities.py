"""Probabilities of looks, and of classes within a look."""

from dataclasses import dataclass

import torch
from torch import Tensor

_NONE = -1e4
"""Log probability of a class that is not of the look."""


@dataclass(frozen=True, slots=True)
class LookProbabilities:
    """Log probabilities of L looks, and of K classes within their looks.

    Attributes:
        looks: Log probability of each look [..., L]; they need not be normalised.
        within: Log probability of each class, given its look [..., K].
    """

    looks: Tensor
    within: Tensor

    @classmethod
    def of(cls, log_p: Tensor, looks: Tensor) -> "LookProbabilities":
        """Both of log probabilities [..., K] and the look of each class, one-hot [K, L]."""
        of_look = _by_look(log_p, looks).logsumexp(-1)
        return cls(of_look, log_p - of_look @ looks.T)

    def margins_within(self, looks: Tensor) -> tuple[Tensor, Tensor]:
        """For each look the margin of its most probable class over the next [..., L], and the position of that class.

        The margin of a look of one class is large.
        """
        return first_margin(_by_look(self.within, looks))


def first_margin(log_p: Tensor) -> tuple[Tensor, Tensor]:
    """Difference of the two largest numbers of the last axis [...], and the position of the largest.

    Where the axis has one number alone, the difference is large.

    Examples:
        >>> margin, top = first_margin(torch.tensor([0.0, 3.0, 1.0]))
        >>> margin.item(), top.item()
        (2.0, 1)
    """
    if log_p.shape[-1] == 1:
        return torch.full_like(log_p[..., 0], -_NONE), torch.zeros_like(log_p[..., 0], dtype=torch.int64)
    largest, position = log_p.topk(2, -1)
    return largest[..., 0] - largest[..., 1], position[..., 0]


def _by_look(log_p: Tensor, looks: Tensor) -> Tensor:
    """[..., L, K]: log probabilities of the classes of each look; those of others are hardly anything."""
    return torch.where(looks.T.bool(), log_p.unsqueeze(-2), torch.full((), _NONE, dtype=log_p.dtype))
