"""Where the heads of a neural Turing machine look: by what lies there, and from where they were."""

import torch
from torch import Tensor

BLANK = 1e-6
"""The square of a length beside which a slot is blank: it is like no key, and the slope of a cosine is finite."""

NEVER = 1e-20
"""What is added to a weight before its logarithm, which must be finite where the weight is zero."""


def similarity(key: Tensor, memory: Tensor) -> Tensor:
    """The cosine of every key [..., heads, M] and every slot [..., N, M], [..., heads, N].

    u . v / (sqrt(u . u + BLANK) sqrt(v . v + BLANK))
    """
    product = (key.unsqueeze(-2) * memory.unsqueeze(-3)).sum(-1)
    return product * _inverse_length(key).unsqueeze(-1) * _inverse_length(memory).unsqueeze(-2)


def shifted(weights: Tensor, shift: Tensor) -> Tensor:
    """Weights [..., N] moved by -S, ..., S slots, in shares `shift` [..., 2 S + 1]; the first slot follows the last.

    w'_i = sum_s shift_s w_{(i - s) mod N}
    """
    furthest = shift.shape[-1] // 2
    shares = torch.split(shift, 1, -1)
    moved = shares[furthest] * weights
    for s in range(1, furthest + 1):
        back, on = shares[furthest - s], shares[furthest + s]
        moved = moved + back * torch.roll(weights, -s, -1) + on * torch.roll(weights, s, -1)
    return moved


def sharpened(weights: Tensor, power: Tensor) -> Tensor:
    """Weights [..., N] raised to a power [..., 1], w_i^p / sum_j w_j^p: the softmax of p log w.

    What is below zero, as weights of a learned start may be, counts as zero.
    """
    return (power * torch.log(weights.clamp(min=0) + NEVER)).softmax(-1)


def _inverse_length(vectors: Tensor) -> Tensor:
    return torch.rsqrt(vectors.square().sum(-1) + BLANK)
