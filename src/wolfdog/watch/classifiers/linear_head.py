"""Linear head on a classifier's features: multinomial logistic regression, and the classifier that it makes."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from wolfdog.errors import InputError

from .classifier import Classification, Classifier, softmax
from .preprocessing import Images
from .torch_classifier import torch_threads

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Linear head: class probabilities of features.

        p = softmax(W f + b)

    Attributes:
        classes: K names.
        weight: w, float32 [K, F].
        bias: b, float32 [K].
    """

    classes: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: Features) -> NDArray[np.float32]:
        """Class probabilities.

        Args:
            features: Features [..., F].

        Returns:
            Probabilities [..., K].

        Examples:
            >>> head = LinearHead(("wolf", "dog"), np.zeros((2, 3), np.float32), np.zeros(2, np.float32))
            >>> head.probabilities(np.ones((1, 3), np.float32))
            array([[0.5, 0.5]], dtype=float32)
        """
        return softmax(features @ self.weight.T + self.bias)


def fit_linear_head(
    features: Features,
    labels: Labels | Features,
    classes: tuple[str, ...],
    *,
    penalty: float = 0.1,
    steps: int = 100,
    balanced: bool = False,
) -> LinearHead:
    """Linear head fitted to labelled features, with an L2 penalty.

        minimise  mean over n of -log p(y_n | f_n)  +  penalty / 2 |W|^2,    features standardised

    With weights w of several classes in place of one label, the first term is the sum of -w_nk log p(k | f_n) over n
    and k, divided by the sum of all weights. The problem is convex and solved by L-BFGS. The standardisation is folded
    into W and b.

    Args:
        features: Features [N, F].
        labels: Positions of the classes [N], negative ones are left out; or weights of the classes [N, K], rows of
            zeros are left out.
        classes: K names.
        penalty: Weight of the squared norm, 0 or more.
        steps: Largest number of iterations of L-BFGS.
        balanced: Whether all classes weigh the same in the mean, however many features each has.

    Returns:
        The head.

    Raises:
        InputError: No feature has a label, or the penalty is below 0.

    Examples:
        >>> head = fit_linear_head(np.float32([[0], [1], [10], [11]]), np.array([0, 0, 1, 1]), ("near", "far"))
        >>> head.probabilities(np.float32([[2], [9]])).argmax(1).tolist()
        [0, 1]
    """
    weighted = labels.ndim == 2
    known = labels.any(1) if weighted else labels >= 0
    if not known.any():
        raise InputError("a head needs labelled frames, and none of these has a label.")
    if not penalty >= 0:
        raise InputError(f"penalty must be 0 or more, got {penalty}.")
    mean = features[known].mean(0, dtype=np.float64)
    scale = feature_scale(features[known])
    x = torch.from_numpy(((features[known] - mean) / scale).astype(np.float32))
    y = torch.from_numpy(labels[known])
    importance = class_weights(y, len(classes)) if balanced and not weighted else None
    if balanced and weighted:
        y = y / y.sum(0).clamp(min=1e-12)
    weight = torch.zeros(len(classes), x.shape[1], requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=steps, history_size=10, tolerance_grad=1e-4, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        logits = x @ weight.T + bias
        soft = -(y * logits.log_softmax(-1)).sum() / y.sum() if weighted else None
        error = F.cross_entropy(logits, y, importance) if soft is None else soft
        loss: Tensor = error + penalty / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch_threads(1):  # such small products gain nothing from a second one
        solver.step(objective)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        folded = weight.double().numpy() / scale
        shifted = bias.double().numpy() - folded @ mean
    return LinearHead(classes, folded.astype(np.float32), shifted.astype(np.float32))


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Weights of examples by class, with which every class that occurs has the same total weight.

    Args:
        labels: Labels [N].
        classes: Number of classes, K.

    Returns:
        Weights [K].

    Examples:
        >>> class_weights(torch.tensor([0, 0, 0, 1]), 2).tolist()
        [1.3333333730697632, 4.0]
    """
    count = torch.bincount(labels, minlength=classes).float()
    return count.sum() / count.clamp(min=1)


def feature_scale(features: Features) -> NDArray[np.float64]:
    """Standard deviation of each feature, but at least a tenth of the mean of the largest quarter.

    Without a bound, a feature that hardly changes in the training frames would have a large weight in new ones.

    Args:
        features: Features [N, F].

    Returns:
        Scales [F].

    Examples:
        >>> feature_scale(np.float32([[0, 1, 0, 0], [0, 3, 0, 0]])).tolist()
        [0.1, 1.0, 0.1, 0.1]
    """
    deviation = features.std(0, dtype=np.float64)
    largest = np.sort(deviation)[-max(1, len(deviation) // 4) :].mean()
    return np.asarray(np.maximum(deviation, largest / 10 if largest > 0 else 1.0))


class HeadClassifier(Classifier):
    """Classifier with the features of another one and a linear head on them.

    Args:
        features: The other classifier, or an encoder.
        head: Head on its features.
        name: Name of the new classifier in results.

    Raises:
        InputError: The head is for another number of features.
    """

    def __init__(self, features: Classifier, head: LinearHead, *, name: str) -> None:
        if head.weight.shape != (len(head.classes), features.feature_size):
            raise InputError(
                f"{name}: a head for {features.name} has weights [{len(head.classes)}, {features.feature_size}], "
                f"got {list(head.weight.shape)}."
            )
        digest = hashlib.sha256(head.weight.tobytes() + head.bias.tobytes()).hexdigest()
        super().__init__(
            name,
            identity=f"{features.identity} head {digest} {head.classes}",
            preprocessing=features.preprocessing,
            classes=head.classes,
            feature_size=features.feature_size,
            batch_size=features.batch_size,
        )
        self.features, self.head = features, head

    def infer(self, images: Images) -> Classification:
        """One batch through the other classifier, and its features through the head; see `Classifier`."""
        features, _ = self.features.infer(images)
        return Classification(features, self.head.probabilities(features))
