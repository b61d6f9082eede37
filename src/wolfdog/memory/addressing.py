"""Where the heads of a neural Turing machine look: by content, and from where they were."""

import torch
from torch import Tensor

BLANK = 1e-6
"""The square of a length beside which a vector is nothing, so that a blank slot is like no key, and slopes are finite."""

NEVER = 1e-20
"""What is added to a weight before its logarithm, which must be finite where the weight is zero."""


def similarity(keys: Tensor, memory: Tensor) -> Tensor:
    """The cosine of every key [B, heads, M] and every slot [B, N, M], [B, heads, N].

    K(u, v) = u . v / sqrt((u . u + BLANK) (v . v + BLANK))
    """
    products = (keys.unsqueeze(2) * memory.unsqueeze(1)).sum(-1)
    return products * length_inverse(keys).unsqueeze(-1) * length_inverse(memory).unsqueeze(1)


def length_inverse(vectors: Tensor) -> Tensor:
    """One over the length of every vector along the last axis."""
    return torch.rsqrt((vectors * vectors).sum(-1) + BLANK)


def shifted(weights: Tensor, shares: Tensor) -> Tensor:
    """Weights [B, heads, N] moved around the memory, by -S to S slots; `shares` [B, heads, 2 S + 1] of each move.

    w'_i = sum_s shares_s w_{i - s}, slots counted modulo N
    """
    furthest = shares.shape[-1] // 2
    moves = range(-furthest, furthest + 1)
    return sum(
        (torch.roll(weights, move, -1) * share for move, share in zip(moves, shares.split(1, -1), strict=True)),
        start=torch.zeros_like(weights),
    )


def sharpened(weights: Tensor, powers: Tensor) -> Tensor:
    """Weights [B, heads, N] to a power [B, heads, 1] and back to a sum of one, w_i^p / sum_j w_j^p = softmax_i(p log w_i)."""
    return (powers * torch.log(weights + NEVER)).softmax(-1)
