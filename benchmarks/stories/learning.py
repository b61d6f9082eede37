"""Learning from stories: memory networks by the paper's recipe, and recurrent layers over their words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import wolfdog as wd

from .numbers import Asked

BATCH = 32
CLIP = 40.0
"""Largest norm of a gradient, which is summed over a batch."""
PATIENCE = 12
"""The training of a listener ends after so many epochs in which the validation loss was not the lowest."""


@dataclass(frozen=True)
class Variant:
    """position: encoding of positions, or bags of words; linear_start; noise: of empty sentences in training."""

    position: bool
    linear_start: bool
    noise: float


VARIANTS = {
    "BoW": Variant(False, False, 0.0),
    "PE": Variant(True, False, 0.0),
    "PE LS": Variant(True, True, 0.0),
    "PE LS RN": Variant(True, True, 0.1),
}


def memory_network(
    variant: Variant, vocabulary: int, size: int, hops: int, capacity: int
) -> wd.MemoryNetwork:
    encoding = wd.memory.PositionEncoding() if variant.position else wd.memory.BagOfWords()
    temporal = wd.memory.TemporalEncoding(capacity, variant.noise)
    return wd.MemoryNetwork(
        vocabulary, size, hops=hops, encoding=encoding, temporal=temporal, linear=variant.linear_start
    )


class Listener(nn.Module):
    """The baseline: a recurrent layer that is told a story and the question word by word, and then answers.

    Args:
        vocabulary: Number of words.
        size: Features of a word and of the layer's outputs.
        layer: Layer with `batch_first`; None for an LSTM.
    """

    def __init__(self, vocabulary: int, size: int, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, size, padding_idx=0)
        self.layer = wd.LSTM(size, size, batch_first=True) if layer is None else layer
        self.answer = nn.Linear(size, vocabulary)

    def forward(self, stories: Tensor, questions: Tensor, sentences: Tensor) -> Tensor:
        text = torch.cat((sentences[stories].flatten(1), questions), 1)
        there = text != 0
        text = text.gather(1, there.int().argsort(stable=True, dim=1))  # what is no word goes to the front
        text = text[:, text.shape[1] - int(there.sum(1).max()) :]
        return self.answer(self.layer(self.words(text))[0][:, -1])


def teach_memory_network(network: wd.MemoryNetwork, train: Asked, epochs: int = 100) -> int:
    """Stochastic gradient descent with a rate of 0.01, halved every quarter of the epochs; 0.005 in a linear start.

    As in the authors' program (facebook/MemNN, MemN2N-babi-matlab), a linear start has a fifth as many epochs, and
    the gradient of each matrix is clipped by itself, here by its Frobenius norm and there by its spectral norm. The
    paper ends a linear start by the validation loss.

    Returns:
        The epochs of the linear start, 0 for a network without one.
    """
    optimiser = torch.optim.SGD(network.parameters(), lr=0.005)
    began = max(1, epochs // 5) if network.linear else 0
    for _ in range(began):
        _epoch(network, train, optimiser, _clip_matrices)
    network.linear = False
    for epoch in range(epochs):
        optimiser.param_groups[0]["lr"] = 0.01 * 0.5 ** (4 * epoch // epochs)
        _epoch(network, train, optimiser, _clip_matrices)
    return began


def teach_listener(listener: Listener, train: Asked, valid: Asked, epochs: int = 100) -> int:
    """Adam, until the loss on what is kept apart stops falling. Returns the epochs, and leaves the best of them."""
    optimiser = torch.optim.Adam(listener.parameters(), lr=2e-3)
    losses: list[float] = []
    best: dict[str, Tensor] = {}
    while len(losses) < epochs and not _stopped(losses):
        _epoch(listener, train, optimiser, _clip_together)
        losses.append(loss(listener, valid))
        if losses[-1] == min(losses):
            best = {name: value.clone() for name, value in listener.state_dict().items()}
    listener.load_state_dict(best)
    return len(losses)


@torch.no_grad()
def loss(model: nn.Module, data: Asked) -> float:
    """The mean cross-entropy, in nats."""
    model.eval()
    logits = _answered(model, data)
    return float(cross_entropy(logits, data.answers))


@torch.no_grad()
def error(model: nn.Module, data: Asked) -> float:
    """Wrong answers, in %."""
    model.eval()
    return 100 * float((_answered(model, data).argmax(1) != data.answers).double().mean())


def _answered(model: nn.Module, data: Asked) -> Tensor:
    pieces = (data.part(slice(at, at + 500)) for at in range(0, len(data), 500))
    return torch.cat([model(p.stories, p.questions, sentences=p.sentences) for p in pieces])


def _epoch(
    model: nn.Module,
    data: Asked,
    optimiser: torch.optim.Optimizer,
    clip: Callable[[Iterable[nn.Parameter]], None],
) -> None:
    model.train()
    for index in torch.randperm(len(data)).split(BATCH):
        batch = data.part(index)
        optimiser.zero_grad()
        logits = model(batch.stories, batch.questions, sentences=batch.sentences)
        cross_entropy(logits, batch.answers, reduction="sum").backward()
        clip(model.parameters())
        optimiser.step()


def _clip_together(parameters: Iterable[nn.Parameter]) -> None:
    nn.utils.clip_grad_norm_(parameters, CLIP)


def _clip_matrices(parameters: Iterable[nn.Parameter]) -> None:
    """Clip each matrix by itself; a parameter [n, rows, columns] holds n of them."""
    for parameter in parameters:
        assert parameter.grad is not None
        matrices = parameter.grad.view(-1, *parameter.shape[-2:])
        norms = matrices.norm(dim=(1, 2), keepdim=True)
        matrices.mul_(CLIP / norms.clamp(min=CLIP))


def _stopped(losses: list[float]) -> bool:
    return len(losses) > PATIENCE and min(losses[-PATIENCE:]) >= min(losses[:-PATIENCE])
