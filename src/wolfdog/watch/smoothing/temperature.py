"""Temperature of probabilities, fitted to labels."""

import torch
from torch import Tensor, nn


def fit_temperature(log_q: Tensor, labels: Tensor, *, least: float = 0.2, most: float = 5.0) -> float:
    """Temperature t with the least log loss of log_softmax(log_q / t).

    The loss is convex in 1 / t, so that a golden-section search over its logarithm finds the minimum.

    Source: Guo et al. 2017, "On calibration of modern neural networks".

    Args:
        log_q: Log probabilities [N, K].
        labels: Labels [N]; negative if unknown.
        least: Lowest temperature.
        most: Highest temperature.

    Returns:
        The temperature.
    """
    known = labels >= 0
    log_q, labels = log_q[known], labels[known]
    if not len(labels):
        return 1.0

    def loss(log_t: float) -> float:
        t = torch.tensor(log_t).exp()
        return float(nn.functional.cross_entropy(log_q / t, labels))

    low, high = torch.tensor(least).log().item(), torch.tensor(most).log().item()
    ratio = (5**0.5 - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    loss_a, loss_b = loss(a), loss(b)
    for _ in range(30):
        if loss_a <= loss_b:
            high, b, loss_b = b, a, loss_a
            a = high - ratio * (high - low)
            loss_a = loss(a)
        else:
            low, a, loss_a = a, b, loss_b
            b = low + ratio * (high - low)
            loss_b = loss(b)
    return float(torch.tensor((low + high) / 2).exp())
