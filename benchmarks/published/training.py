"""Models of the rows, their training, their scores, and the time of a step beside torch.nn."""

import copy
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

import wolfdog as wd

from . import music
from .tasks import Batch, Draw

CELLS: dict[str, Callable[[int, int, float], nn.Module]] = {
    "Elman": lambda inputs, units, _: wd.cells.ElmanCell(inputs, units),
    "LSTM": lambda inputs, units, span: wd.cells.LSTMCell(inputs, units, forget=_log(span)),
    "four-gate LSTM": lambda inputs, units, span: wd.cells.FourGateLSTMCell(inputs, units, forget=_log(span)),
    "peephole LSTM": lambda inputs, units, span: wd.cells.PeepholeLSTMCell(
        inputs, units, peephole="diagonal", forget=_log(span)
    ),
    "GRU": lambda inputs, units, span: wd.cells.GRUCell(inputs, units, forget=_log(span)),
}
IN_TORCH = {"Elman": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
"""Cells of which torch.nn has a layer."""


def _log(span: float) -> wd.cells.Chrono:
    return wd.cells.Chrono(span, spread="log")


class Model(nn.Module):
    """Cell over a sequence, and a linear map from its outputs."""

    def __init__(self, layer: nn.Module, units: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer, self.dropout, self.head = layer, nn.Dropout(dropout), nn.Linear(units, outputs)

    def forward(self, events: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs [T, B, O]."""
        y = self.layer(events)[0] if lengths is None else self.layer(events, lengths=lengths)[0]
        return self.head(self.dropout(y))


def loss_of(kind: str, outputs: Tensor, batch: Batch) -> Tensor:
    """Loss of the scored steps: "number", "class", "symbols" (mean per symbol) or "chords" (nats per chord)."""
    y, targets = outputs[batch.scored], batch.targets[batch.scored]
    if kind == "class":
        return cross_entropy(y, targets)
    if kind == "number":
        return mse_loss(y, targets)
    mean = binary_cross_entropy_with_logits(y, targets)
    return mean * y.shape[-1] if kind == "chords" else mean


@torch.no_grad()
def wrong(kind: str, model: Model, batch: Batch) -> np.ndarray:
    """Whether each example is wrong: a number that is 0.04 off, another class, or another set of symbols at a step."""
    model.eval()
    outputs = model(batch.events, batch.lengths)
    if kind == "class":
        off = outputs.argmax(-1) != batch.targets
    elif kind == "number":
        off = (outputs - batch.targets).abs().squeeze(-1) > 0.04
    else:
        off = ((outputs > 0) != (batch.targets > 0.5)).any(-1)
    return (off & batch.scored).any(0).numpy()


def train_on(
    kind: str, model: Model, draw: Draw, rng: np.random.Generator, steps: int, batch: int, rate: float
) -> int:
    """Adam with a rate that falls to zero in the second half; the sequences that it saw are counted."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 * (1 - step / steps)))
    for _ in range(steps):
        model.train()
        drawn = draw(rng, batch)
        _step(kind, model, optimiser, drawn)
        falling.step()
    return steps * batch


def train_on_music(
    model: Model,
    pieces: dict[str, list[np.ndarray]],
    rng: np.random.Generator,
    epochs: int,
    batch: int,
    rate: float,
) -> int:
    """Adam; the weights of the epoch with the lowest validation loss are kept. Returns that epoch."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    best, kept, at = np.inf, copy.deepcopy(model.state_dict()), 0
    for epoch in range(epochs):
        model.train()
        order = rng.permutation(len(pieces["train"]))
        for first in range(0, len(order), batch):
            _step(
                "chords",
                model,
                optimiser,
                music.batch([pieces["train"][n] for n in order[first : first + batch]]),
            )
        loss = nats_per_chord(model, pieces["validation"])
        if loss < best:
            best, kept, at = loss, copy.deepcopy(model.state_dict()), epoch + 1
        if epoch + 1 - at >= 5:
            optimiser.param_groups[0]["lr"] *= 0.5
        if epoch + 1 - at >= 12:
            break
    model.load_state_dict(kept)
    return at


@torch.no_grad()
def nats_per_chord(model: Model, pieces: Sequence[np.ndarray]) -> float:
    """Mean negative log likelihood of a chord of independent keys: the mean over pieces of their means, as in TCN."""
    model.eval()
    found = []
    for first in range(0, len(pieces), 32):
        batch = music.batch(pieces[first : first + 32])
        losses = binary_cross_entropy_with_logits(
            model(batch.events, batch.lengths), batch.targets, reduction="none"
        ).sum(-1)
        found += ((losses * batch.scored).sum(0) / batch.scored.sum(0)).tolist()
    return float(np.mean(found))


def _step(kind: str, model: Model, optimiser: torch.optim.Optimizer, batch: Batch) -> None:
    even = bool((batch.lengths == batch.lengths[0]).all())
    loss = loss_of(kind, model(batch.events, None if even else batch.lengths), batch)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def milliseconds(kind: str, models: dict[str, Model], batch: Batch, rounds: int = 5) -> dict[str, float]:
    """Median milliseconds of a training step of each model on the same batch of full lengths, in turn."""
    full = Batch(batch.events, batch.targets, batch.scored, torch.full_like(batch.lengths, len(batch.events)))
    optimisers = {name: torch.optim.Adam(model.parameters(), 1e-4) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            began = time.perf_counter()
            _step(kind, model.train(), optimisers[name], full)
            if number:  # the first step builds kernels
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: float(np.median(found)) for name, found in times.items()}
