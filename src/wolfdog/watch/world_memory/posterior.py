"""Class probabilities of a single frame, fitted to photographs: cross-fitted heads, and a calibrated posterior."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wolfdog.errors import InputError

from ..classifiers.linear_head import LinearHead, class_weights, fit_linear_head
from .bank import Bank
from .streams import log_of

Floats = NDArray[np.float32]

_PENALTY = 6e-3
"""Of the squared weights of a head."""


class CalibratedPosterior:
    """Probabilities of the classes given a classifier's probabilities of one frame, each class as likely as any other.

        P(k | p) = softmax(W_2 tanh(W_1 [log p, p] + b_1) + b_2)_k

    Fitted to a bank: what an ideal observer needs to know about the classifier.
    """

    def __init__(self, bank: Bank, *, width: int = 24, penalty: float = 1e-4, seed: int = 0) -> None:
        torch.manual_seed(seed)
        K = len(bank.classes)
        self._net = nn.Sequential(nn.Linear(2 * K, width), nn.Tanh(), nn.Linear(width, K))
        x, y = map(torch.from_numpy, _rows(_looked(bank.probabilities), bank.labels))
        weight = class_weights(y, K)
        parameters = list(self._net.parameters())
        optimiser = torch.optim.LBFGS(parameters, max_iter=80, line_search_fn="strong_wolfe")

        def objective() -> Tensor:
            optimiser.zero_grad()
            squared = sum(((w**2).sum() for w in parameters), torch.zeros(()))
            loss: Tensor = nn.functional.cross_entropy(self._net(x), y, weight) + penalty * squared
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(objective)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def probabilities(self, log_p: NDArray[np.floating]) -> NDArray[np.float64]:
        """[..., K] of the classifier's log probabilities [..., K]."""
        x = torch.from_numpy(_looked(np.exp(log_p)))
        return np.asarray(self._net(x).double().softmax(-1).numpy())


def cross_fitted(bank: Bank, *, folds: int = 5, seed: int = 0) -> tuple[Bank, LinearHead]:
    """Bank with probabilities of linear heads, and a head fitted to the whole bank.

    The probabilities of each photograph are of a head that was fitted to the other folds, because a classifier is more
    certain of photographs that it was fitted to than of those that a memory will read.

    Args:
        bank: Bank with features.
        folds: Number of parts of the photographs.
        seed: Seed of the division into parts.

    Returns:
        The bank and the head.

    Raises:
        InputError: The bank has no features, or fewer photographs than folds.
    """
    features = bank.features
    if features is None or len(bank) < folds:
        raise InputError(f"a linear head needs a bank with features and {folds} photographs or more.")

    def head(chosen: NDArray[np.bool_]) -> LinearHead:
        x, y = _rows(features[chosen], bank.labels[chosen])
        return fit_linear_head(x, y, bank.classes, penalty=_PENALTY, steps=60, balanced=True)

    fold = np.random.default_rng(seed).permutation(np.arange(len(bank)) % folds)
    p = np.empty_like(bank.probabilities)
    for number in range(folds):
        held_out = fold == number
        p[held_out] = head(~held_out).probabilities(features[held_out])
    return bank.with_probabilities(p), head(np.ones(len(bank), bool))


def _looked(p: NDArray[np.floating]) -> Floats:
    """[..., 2 K]: log probabilities and probabilities."""
    return np.concatenate((log_of(p) / 4, p), -1).astype(np.float32)


def _rows(x: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Rows [M, F] of [N, ..., F], and their labels [M]."""
    rows = np.ascontiguousarray(x.reshape(-1, x.shape[-1]), np.float32)
    return rows, np.repeat(labels, len(rows) // max(1, len(labels)))
