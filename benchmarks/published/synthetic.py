"""Synthetic rows: what a model is trained on, and the share of test sequences that it gets wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .tasks import Batch, Draw
from .training import CELLS, Model, Run, loss_of, made, measured, train_on, trained

TEST_SEED, TESTED = 3_000_000, 1000
"""Seed of the test sequences, which no training and no choice of a setting has seen, and how many there are."""


@dataclass(frozen=True)
class Synthetic:
    """Task whose sequences are drawn.

    Args:
        kind: Loss: "number", "class" or "symbols".
        sizes: Features of an event and of an output.
        units: Units of a cell.
        steps: Training steps.
        batch: Sequences in a step.
        rate: Learning rate.
        span: Longest time span of the initial forget gates.
        train: Training sequences.
        test: Test sequences; None for such as in training.
        within: Largest error of a number that is right.
        reach: Sequences by size; the largest size up to which all are right is found. None for no such search.
    """

    kind: str
    sizes: tuple[int, int]
    units: int
    steps: int
    batch: int
    rate: float
    span: float
    train: Draw
    test: Draw | None = None
    within: float = 0.04
    reach: Callable[[int], Batch] | None = None

    unit, folder, files, models = " % wrong", "", (), tuple(CELLS)

    def run(self, model: str, seed: int, share: float, folder: Path | None) -> Run:
        """One model, trained for a share of the steps and tested."""
        torch.manual_seed(seed)
        sizes = (self.sizes[0], self.units, self.sizes[1])
        network, rng = made(model, *sizes, self.span), np.random.default_rng(seed)
        steps = max(1, round(share * self.steps))
        with trained() as found:
            train_on(self.kind, network, lambda: self.train(rng, self.batch), steps, self.rate)
        found["budget"] = f"{steps * self.batch:,} sequences"
        test, drawn = np.random.default_rng(TEST_SEED), self.test or self.train
        parts = [drawn(test, 100) for _ in range(TESTED // 100)]
        found["score"] = 100 * float(
            np.concatenate([wrong(self.kind, network, part, self.within) for part in parts]).mean()
        )
        found["test loss"] = float(np.mean([test_loss(self.kind, network, part) for part in parts]))
        if self.reach:
            found["up_to"] = self._reached(network)
        shown = self.train(np.random.default_rng(0), self.batch)
        return {**found, **measured(self.kind, model, network, shown, *sizes)}

    def _reached(self, network: Model, limit: int = 500) -> int:
        assert self.reach is not None
        for size in range(1, limit + 1):
            if wrong(self.kind, network, self.reach(size), self.within).any():
                return size - 1
        return limit


@torch.no_grad()
def wrong(kind: str, model: nn.Module, batch: Batch, within: float) -> np.ndarray:
    """Whether each example is wrong at any step: a number too far off, another class, or another set of symbols."""
    outputs = model.eval()(batch.events, batch.lengths)
    if kind == "class":
        off = outputs.argmax(-1) != batch.targets
    elif kind == "number":
        off = (outputs - batch.targets).abs().squeeze(-1) > within
    else:
        off = ((outputs > 0) != (batch.targets > 0.5)).any(-1)
    return (off & batch.scored).any(0).numpy()


@torch.no_grad()
def test_loss(kind: str, model: nn.Module, batch: Batch) -> float:
    """Loss of a batch of the test."""
    return float(loss_of(kind, model.eval()(batch.events, batch.lengths), batch))
