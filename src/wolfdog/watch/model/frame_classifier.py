"""Frame classifier: class probabilities of a single frame, and their calibration."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoder import FrameEncoder


class FrameClassifier(nn.Module):
    """Frame encoder, and the snapshot head on it.

        e_t = encoder(frame_t),    snapshot_t = softmax(W e_t + b)

    `frame_classifier(frames)` takes frames [N, H, W, 3] uint8 as a video holds them, and returns (embeddings [N, E],
    logits [N, classes]). `frame_classifier.prior` [classes] holds the class frequencies of the calibration data.

    Args:
        classes: Number of classes.
        width: Channels of the encoder's first block.
        embedding: Size of an embedding.

    Examples:
        >>> embeddings, logits = FrameClassifier(classes=5).eval()(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))
        >>> embeddings.shape, logits.shape
        (torch.Size([2, 32]), torch.Size([2, 5]))
    """

    def __init__(self, classes: int, *, width: int = 16, embedding: int = 32) -> None:
        super().__init__()
        self.encoder = FrameEncoder(width, embedding)
        self.snapshot = nn.Linear(embedding, classes)
        self.prior: Tensor
        self.register_buffer("prior", torch.full((classes,), 1 / classes))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.encoder(frames.permute(0, 3, 1, 2))
        return embeddings, self.snapshot(embeddings)


MIXING_PENALTY, EXTREME_PENALTY = 10.0, 1e-3
"""Penalties in units of one frame's log likelihood: on M, against overfitting to few frames, and on 1/T and d, which
a perfect frame classifier or an absent class would make infinite."""


def calibrate(frame_classifier: FrameClassifier, embeddings: Tensor, labels: Tensor) -> None:
    """Calibrate the snapshot probabilities on frames that the classifier was not trained on.

        softmax((I / T + M) (W e + b) + d):   T, M [classes, classes] and d [classes] by maximum likelihood,
                                              folded into W and b

    T is a temperature, M removes differences between classes that overfitting introduced (two labels that look alike),
    and d corrects for training with equal class frequencies. A quadratic penalty keeps M near zero.

    Source: matrix scaling, Guo et al. 2017, "On calibration of modern neural networks"; the penalty as in Kull et al.
    2019, "Beyond temperature scaling". The problem is convex in (1/T, M, d): L-BFGS finds the one solution.

    Args:
        frame_classifier: Changed in place.
        embeddings: [N, E].
        labels: [N] positions of classes.
    """
    kept = labels >= 0
    targets = labels[kept]
    if not len(targets):
        return
    with torch.no_grad():
        logits = frame_classifier.snapshot(embeddings[kept]).double()
    classes = logits.shape[1]
    identity = torch.eye(classes, dtype=torch.float64)
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)  # 1 / T
    mixing = torch.zeros(classes, classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [scale, mixing, bias], max_iter=500, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        matrix = scale * identity + mixing
        surprise = F.cross_entropy(logits @ matrix.T + bias, targets, reduction="sum")
        extreme = (scale - 1).square().sum() + bias.square().sum()
        far = MIXING_PENALTY * mixing.square().sum() + EXTREME_PENALTY * extreme
        loss: Tensor = (surprise + far / 2) / len(targets)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(objective)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        matrix = scale.clamp(min=1e-2) * identity + mixing
        # With very few frames the fit can give a class a negative weight on its own logit, which is never right.
        matrix.diagonal().clamp_(min=1e-2)
        frame_classifier.snapshot.bias.copy_(matrix @ frame_classifier.snapshot.bias.double() + bias)
        frame_classifier.snapshot.weight.copy_(matrix @ frame_classifier.snapshot.weight.double())
        # Add-one smoothing: a class that was absent would have probability zero.
        frame_classifier.prior.copy_((targets.bincount(minlength=classes) + 1) / (len(targets) + classes))
