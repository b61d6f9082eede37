"""Class probabilities of a single frame, fitted to photographs: a linear head, and a calibrated posterior."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wolfdog.errors import InputError

from .bank import Bank
from .streams import log_of

Floats = NDArray[np.float32]


class LinearHead:
    """Linear head on a classifier's features: multinomial logistic regression with an L2 penalty.

        P(k | f) = softmax(W (f - mean) / deviation + b)_k

    Every class weighs as much as every other. Fitted by L-BFGS.

    Args:
        features: [N, ..., F], of N photographs in several crops.
        labels: [N].
        classes: K.
        penalty: of the squared weights, on features of deviation 1.
    """

    def __init__(
        self,
        features: NDArray[np.floating],
        labels: NDArray[np.int64],
        classes: int,
        *,
        penalty: float = 3e-3,
    ) -> None:
        flat, y = _flat(features, labels)
        self._mean, deviation = flat.mean(0), flat.std(0)
        self._deviation = deviation.clamp(min=1e-3)
        self._linear = nn.Linear(flat.shape[1], classes)
        nn.init.zeros_(self._linear.weight)
        x = (flat - self._mean) / self._deviation
        weight = _balanced(y, classes)

        def loss() -> Tensor:
            squared = (self._linear.weight**2).sum()
            return nn.functional.cross_entropy(self._linear(x), y, weight) + penalty * squared

        _minimise(list(self._linear.parameters()), loss, 60)

    @torch.no_grad()
    def probabilities(self, features: NDArray[np.floating]) -> Floats:
        """[..., K] of features [..., F]."""
        x = torch.from_numpy(np.ascontiguousarray(features, np.float32))
        return np.asarray(self._linear((x - self._mean) / self._deviation).softmax(-1).numpy())


class CalibratedPosterior:
    """Probabilities of the classes given a classifier's probabilities of one frame, each class as likely as any other.

        P(k | p) = softmax(W_2 tanh(W_1 [log p, p] + b_1) + b_2)_k

    Fitted to a bank: what an ideal observer needs to know about the classifier.
    """

    def __init__(self, bank: Bank, *, width: int = 24, penalty: float = 1e-4, seed: int = 0) -> None:
        torch.manual_seed(seed)
        K = len(bank.classes)
        self._net = nn.Sequential(nn.Linear(2 * K, width), nn.Tanh(), nn.Linear(width, K))
        x, y = _flat(_looked(bank.probabilities), bank.labels)
        weight = _balanced(y, K)

        def loss() -> Tensor:
            squared = sum(((w**2).sum() for w in self._net.parameters()), torch.zeros(()))
            return nn.functional.cross_entropy(self._net(x), y, weight) + penalty * squared

        _minimise(list(self._net.parameters()), loss, 80)

    @torch.no_grad()
    def probabilities(self, log_p: NDArray[np.floating]) -> NDArray[np.float64]:
        """[..., K] of the classifier's log probabilities [..., K]."""
        x = torch.from_numpy(_looked(np.exp(log_p)))
        return np.asarray(self._net(x).double().softmax(-1).numpy())


def cross_fitted(bank: Bank, *, folds: int = 5, seed: int = 0) -> tuple[Bank, LinearHead]:
    """The bank with probabilities of linear heads, and a head fitted to the whole bank.

    The probabilities of each photograph are of a head that was fitted to the other folds: what a classifier says of
    pictures that it was not fitted to, as a memory will read it.

    Args:
        bank: with features.
        folds: parts of the photographs.
        seed: of the parts.

    Raises:
        InputError: the bank has no features, or fewer photographs than folds.
    """
    if bank.features is None or len(bank) < folds:
        raise InputError(f"a linear head needs a bank with features and {folds} photographs or more.")
    K = len(bank.classes)
    fold = np.random.default_rng(seed).permutation(np.arange(len(bank)) % folds)
    p = np.empty_like(bank.probabilities)
    for number in range(folds):
        rest = fold != number
        head = LinearHead(bank.features[rest], bank.labels[rest], K)
        p[~rest] = head.probabilities(bank.features[~rest])
    return bank.with_probabilities(p), LinearHead(bank.features, bank.labels, K)


def _looked(p: NDArray[np.floating]) -> Floats:
    """[..., 2 K]: log probabilities and probabilities."""
    return np.concatenate((log_of(p) / 4, p), -1).astype(np.float32)


def _flat(x: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Rows [M, F] of [N, ..., F], and their labels [M]."""
    flat = np.ascontiguousarray(x.reshape(-1, x.shape[-1]), np.float32)
    return torch.from_numpy(flat), torch.from_numpy(np.repeat(labels, len(flat) // max(1, len(labels))))


def _balanced(y: Tensor, classes: int) -> Tensor:
    """[K]: weights by which every class that occurs counts the same."""
    count = torch.bincount(y, minlength=classes).float()
    return count.sum() / count.clamp(min=1)


def _minimise(parameters: list[nn.Parameter], loss: Callable[[], Tensor], steps: int) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
