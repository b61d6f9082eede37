"""Test of a memory in an event world against the world's ideal observer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ...layers import detach
from ...tv.events import EventObserver, EventProgramme, EventSampler, EventWorld
from ..data.event_streams import EventEmbedding, event_batch
from ..evaluation.metrics import Mask
from ..model.context import Context
from .results import SUITE_GAPS, SuiteRun

Floats = NDArray[np.float64]

STREAM_SEED = 2_000_000
"""Added to the seed for the streams, which training does not draw."""


class Trial:
    """Test or validation streams of a world, with the probabilities of the ideal observer."""

    def __init__(
        self, world: EventWorld, embedding: EventEmbedding, streams: int, events: int, seed: int
    ) -> None:
        sampler = EventSampler(world, streams, seed=seed + STREAM_SEED)
        self._programme = sampler.draw(events)
        self._embedding, self._seed = embedding, seed
        self._judged = self._programme.judged
        if not self._judged.any():
            raise InputError(
                f"world {world.name!r}: no ambiguous look follows a cue of its fact in {streams} test streams of "
                f"{events} events. Choose an informative_rate farther from 0 and "
                "1, or a larger ambiguous_share."
            )
        self._fact = self._programme.fact[self._judged]
        self._answer = self._programme.answer[self._judged]
        width = max(len(fact.labels) for fact in world.facts)
        self._ideal = np.zeros((len(self._fact), width))
        for number, labels in enumerate(EventObserver(world).predict(self._programme)):
            of_fact = self._fact == number
            self._ideal[of_fact, : labels.shape[-1]] = labels[self._judged][of_fact]

    def _named(self, context: Context) -> NDArray[np.int64]:
        """Label that the memory names at each judged event."""
        logits = _logits(context, self._programme, self._embedding, self._seed)[self._judged]
        named = np.empty(len(logits), np.int64)
        first = 0
        for number, fact in enumerate(self._programme.world.facts):
            of_fact = self._fact == number
            named[of_fact] = logits[of_fact, first : first + len(fact.labels)].argmax(-1)
            first += len(fact.labels)
        return named

    def shortfall(self, context: Context) -> Floats:
        """Shortfall at each judged event."""
        return self._lost(self._named(context))

    def _lost(self, named: NDArray[np.int64]) -> Floats:
        lost: Floats = self._ideal.max(-1) - self._ideal[np.arange(len(named)), named]
        return lost

    def run(
        self, world: str, memory: str, seed: int, context: Context, learned: int | None, seconds: float
    ) -> SuiteRun:
        """Result of a trained memory."""
        named = self._named(context)
        lost, gap = self._lost(named), self._programme.gap[self._judged]
        buckets = [(lo <= gap) & (gap < hi) for lo, hi in SUITE_GAPS]
        return SuiteRun(
            world,
            memory,
            seed,
            float(lost.mean()),
            _means(lost, buckets),
            tuple(
                _means(lost, [bucket & (self._fact == number) for bucket in buckets])
                for number in range(len(self._programme.world.facts))
            ),
            tuple(int(bucket.sum()) for bucket in buckets),
            float((named == self._answer).mean()),
            float((self._ideal.argmax(-1) == self._answer).mean()),
            learned,
            seconds,
            sum(parameter.numel() for parameter in context.parameters()),
            self._programme.world.digest,
        )


@torch.no_grad()
def _logits(
    context: Context, programme: EventProgramme, embedding: EventEmbedding, seed: int
) -> NDArray[np.float32]:
    """Logits of all answers at each event, [T, N, answers], in chunks with the state carried over."""
    rng = np.random.default_rng([seed, 3])
    state: Any = None
    batch = event_batch(programme, embedding.of(programme, rng), np.zeros(programme.look.shape[1]))
    found = []
    for at in range(0, len(programme.look), 256):
        part = slice(at, at + 256)
        logits, state = context(batch.events[part], state, batch.resets[part], batch.times[part])
        state = detach(state)
        found.append(logits.numpy())
    return np.concatenate(found)


def _means(values: Floats, masks: Sequence[Mask]) -> tuple[float | None, ...]:
    return tuple(float(values[mask].mean()) if mask.any() else None for mask in masks)
