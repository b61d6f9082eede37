"""Addressing of a neural Turing machine's heads: by content and by location."""

import torch
from torch import Tensor

EPSILON = 1e-6
"""Added to squared norms: the similarity of a blank slot is zero, and its gradient finite."""

TINY = 1e-20
"""Added to weights before the logarithm, so that it is finite for a weight of zero."""


def similarity(key: Tensor, memory: Tensor) -> Tensor:
    """Cosine similarity of every key [..., heads, M] and every slot [..., N, M], as [..., heads, N].

    u . v / (sqrt(u . u + EPSILON) sqrt(v . v + EPSILON))
    """
    product = (key.unsqueeze(-2) * memory.unsqueeze(-3)).sum(-1)
    return product * _inverse_norm(key).unsqueeze(-1) * _inverse_norm(memory).unsqueeze(-2)


def shifted(weights: Tensor, shift: Tensor) -> Tensor:
    """Weights [..., N] under a circular convolution with the shift distribution [..., 2 S + 1] of -S, ..., S.

    w'_i = sum_s shift_s w_{(i - s) mod N}
    """
    shift_range = shift.shape[-1] // 2
    factors = torch.split(shift, 1, -1)
    result = factors[shift_range] * weights
    for s in range(1, shift_range + 1):
        backward, forward = factors[shift_range - s], factors[shift_range + s]
        result = result + backward * torch.roll(weights, -s, -1) + forward * torch.roll(weights, s, -1)
    return result


def sharpened(weights: Tensor, power: Tensor) -> Tensor:
    """Weights [..., N] raised to a power [..., 1] and normalised.

        w_i^p / sum_j w_j^p = softmax(p log w)_i

    Negative weights, which a learned initial state may have, count as zero.
    """
    return (power * torch.log(weights.clamp(min=0) + TINY)).softmax(-1)


def _inverse_norm(vectors: Tensor) -> Tensor:
    return torch.rsqrt(vectors.square().sum(-1) + EPSILON)
