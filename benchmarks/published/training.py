"""Models of the rows, their training, and the time of a step beside torch.nn."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

import wolfdog as wd

from .tasks import Batch
from .timing import interleaved

Run = dict[str, Any]

CELLS: dict[str, Callable[[int, int, float], nn.Module]] = {
    "Elman": lambda inputs, units, _: wd.cells.ElmanCell(inputs, units),
    "LSTM": lambda inputs, units, span: wd.cells.LSTMCell(inputs, units, forget=_log(span)),
    "four-gate LSTM": lambda inputs, units, span: wd.cells.FourGateLSTMCell(inputs, units, forget=_log(span)),
    "coupled LSTM": lambda inputs, units, span: wd.cells.CoupledLSTMCell(inputs, units, forget=_log(span)),
    "peephole LSTM": lambda inputs, units, span: wd.cells.PeepholeLSTMCell(
        inputs, units, peephole="diagonal", forget=_log(span)
    ),
    "GRU": lambda inputs, units, span: wd.cells.GRUCell(inputs, units, forget=_log(span)),
}
FIRST_GRU = "GRU, reset before product"
"""GRU as first published (Cho et al. 2014), whose update gate has an initial bias of zero; for music alone."""
_MAKERS = {
    **CELLS,
    FIRST_GRU: lambda inputs, units, _: wd.cells.GRUCell(
        inputs, units, reset_after=False, forget=wd.cells.ForgetBias(0.0)
    ),
}
IN_TORCH = {"Elman": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
"""Cells of which torch.nn has a layer."""

BOTH = "two-way "
"""Prefix of the name of a cell that reads a sequence in both directions."""


def _log(span: float) -> wd.cells.Chrono:
    return wd.cells.Chrono(span, spread="log")


class Model(nn.Module):
    """Cell over a sequence, and a linear map from its outputs.

    Args:
        layer: Recurrent layer.
        units: Features of its outputs.
        outputs: Features of the outputs of the map.
        dropout: Share of the layer's outputs that a step of training leaves out.
        skip: Whether the events, times a number that is learned, are added to the outputs, of as many features.
    """

    def __init__(
        self, layer: nn.Module, units: int, outputs: int, dropout: float = 0.0, *, skip: bool = False
    ) -> None:
        super().__init__()
        self.layer, self.dropout, self.head = layer, nn.Dropout(dropout), nn.Linear(units, outputs)
        self.skip = nn.Parameter(torch.ones(())) if skip else None

    def forward(self, events: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs [T, B, O]."""
        y = self.layer(events)[0] if lengths is None else self.layer(events, lengths=lengths)[0]
        outputs = self.head(self.dropout(y))
        return outputs if self.skip is None else outputs + self.skip * events


def made(
    name: str,
    inputs: int,
    units: int,
    outputs: int,
    span: float,
    dropout: float = 0.0,
    *,
    skip: bool = False,
    precision: Literal["bfloat16"] | None = None,
) -> Model:
    """Untrained model: a cell of CELLS, or BOTH and its name, or FIRST_GRU, and a linear map."""
    both = name.startswith(BOTH)
    cell = _MAKERS[name.removeprefix(BOTH)](inputs, units, span)
    layer = wd.Bidirectional(cell) if both else wd.Recurrent(cell, precision=precision)
    return Model(layer, units * (2 if both else 1), outputs, dropout, skip=skip)


def loss_of(kind: str, outputs: Tensor, batch: Batch) -> Tensor:
    """Loss of the scored steps: "number", "class", "symbols" (mean per symbol) or "chords" (nats per chord)."""
    y, targets = outputs[batch.scored], batch.targets[batch.scored]
    if kind == "class":
        return cross_entropy(y, targets)
    if kind == "number":
        return mse_loss(y, targets)
    mean = binary_cross_entropy_with_logits(y, targets)
    return mean * y.shape[-1] if kind == "chords" else mean


def step_of(kind: str, model: Model, optimiser: torch.optim.Optimizer, batch: Batch) -> None:
    """One step of training, with gradients of a norm of at most 1."""
    even = bool((batch.lengths == batch.lengths[0]).all())
    loss = loss_of(kind, model(batch.events, None if even else batch.lengths), batch)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def falling(
    optimiser: torch.optim.Optimizer, steps: int, kept: float = 0.5
) -> torch.optim.lr_scheduler.LambdaLR:
    """Schedule of a learning rate that is kept for a share of the steps and then falls to zero."""
    return torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (1 - step / steps) / (1 - kept))
    )


def train_on(
    kind: str, model: Model, draw: Callable[[], Batch], steps: int, rate: float, kept: float = 0.5
) -> None:
    """Adam with a rate that is `falling`."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = falling(optimiser, steps, kept)
    model.train()
    for _ in range(steps):
        step_of(kind, model, optimiser, draw())
        schedule.step()


@contextmanager
def trained() -> Iterator[Run]:
    """Dictionary that gets the processor's seconds of what is done inside."""
    found: Run = {}
    began = time.process_time()
    yield found
    found["seconds"] = time.process_time() - began


def measured(
    kind: str,
    name: str,
    model: Model,
    batch: Batch,
    inputs: int,
    units: int,
    outputs: int,
    dropout: float = 0.0,
) -> Run:
    """Milliseconds of a training step of a trained model, and of the same model with torch.nn's layer.

    Where the products of the trained model are of bfloat16, torch.nn's model runs under autocast to it.
    """
    models, both = {"wolfdog": model}, name.startswith(BOTH)
    reduced = getattr(model.layer, "precision", None) == "bfloat16"
    if peer := IN_TORCH.get(name.removeprefix(BOTH)):
        layer = peer(inputs, units, bidirectional=both)
        skip = model.skip is not None
        models["torch.nn"] = Model(layer, units * (2 if both else 1), outputs, dropout, skip=skip)
    full = Batch(batch.events, batch.targets, batch.scored, torch.full_like(batch.lengths, len(batch.events)))
    optimisers = {id(one): torch.optim.Adam(one.parameters(), 1e-4) for one in models.values()}

    def step(one: Model) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced and one is not model):
            step_of(kind, one.train(), optimisers[id(one)], full)

    return {"milliseconds": interleaved(models, step)}
