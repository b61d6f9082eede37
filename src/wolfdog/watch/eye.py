"""The eye: what a frame alone says."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoder import FrameEncoder


class Eye(nn.Module):
    """A frame encoder and the snapshot head on it.

        e_t = encoder(frame_t),    snapshot_t = softmax(W e_t + b)

    `eye(frames)`: frames [N, H, W, 3] uint8 as a video holds them, to (embeddings [N, E], logits [N,
    classes]).

    >>> embeddings, logits = Eye(classes=5).eval()(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))
    >>> embeddings.shape, logits.shape
    (torch.Size([2, 32]), torch.Size([2, 5]))
    """

    def __init__(self, classes: int, width: int = 16, embedding: int = 32) -> None:
        super().__init__()
        self.encoder = FrameEncoder(width, embedding)
        self.snapshot = nn.Linear(embedding, classes)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        embeddings = self.encoder(frames.permute(0, 3, 1, 2))
        return embeddings, self.snapshot(embeddings)


@torch.no_grad()
def calibrate(eye: Eye, embeddings: Tensor, labels: Tensor) -> None:
    """Make the snapshot's probabilities true frequencies, by frames [N, E] and labels [N] it was not trained
    on.

        softmax((W e + b) / T + d):   T > 0 and d [classes] by maximum likelihood, folded into W and b

    d also undoes that training saw every class equally often. Source: vector scaling with one temperature,
    Guo et al. 2017, "On calibration of modern neural networks". The likelihood is concave in (1/T, d):
    Newton's method finds it.
    """
    kept = labels >= 0
    targets = labels[kept]
    logits = eye.snapshot(embeddings[kept]).double()
    classes = logits.shape[1]
    # Every direction of `unknowns` = (1/T, d) in logit space: [N, classes, 1 + classes]
    features = torch.cat((logits[..., None], torch.eye(classes).double().expand(len(logits), -1, -1)), -1)
    unknowns = torch.cat((torch.ones(1), torch.zeros(classes))).double()
    prior = 1e-3 * torch.eye(1 + classes).double()  # keeps an absent class and a perfect eye finite
    start = unknowns.clone()
    for _ in range(50):
        probabilities = F.softmax(features @ unknowns, -1)
        weighted = probabilities[..., None] * features
        mean = weighted.sum(1)  # [N, 1 + classes]
        gradient = (mean - features[torch.arange(len(targets)), targets]).sum(0) + prior @ (unknowns - start)
        hessian = torch.einsum("nci,ncj->ij", weighted, features) - mean.T @ mean + prior
        move = torch.linalg.solve(hessian, gradient)
        unknowns -= move.clamp(-1.0, 1.0)
        if move.abs().max() < 1e-8:
            break
    unknowns[0].clamp_(min=1e-2)
    eye.snapshot.weight *= unknowns[0].float()
    eye.snapshot.bias.mul_(unknowns[0].float()).add_(unknowns[1:].float())
