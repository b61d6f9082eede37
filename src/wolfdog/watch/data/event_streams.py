"""Endless streams of an event world, with embeddings that are drawn and not painted."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ...tv.events import EventProgramme, EventSampler, EventWorld
from .labelled_video import UNLABELLED
from .streams import Curriculum, StreamBatch, saved_generator

SIZE, NOISE = 32, 0.2
"""Size of an embedding of a look, and standard deviation of its noise; looks are about 8 apart."""

FLOOR = 1e-4
"""Lower bound of the probabilities whose logarithms are embeddings."""


class EventEmbedding:
    """Embeddings of the events of a world.

    Without confusions, the embedding of a look is a vector of its own, drawn from a standard normal distribution, plus
    small noise at each event. With confusions, it is the logarithms of the classifier's probabilities. In a world with
    uneven times, the logarithm of the frames since the previous event is one more number.

    Args:
        world: The world.
        seed: Seed of the looks' vectors and of the noise.
    """

    def __init__(self, world: EventWorld, seed: int) -> None:
        self._world = world
        self._looks = np.random.default_rng([seed, 2]).standard_normal((len(world.looks), SIZE))
        if world.confusions is not None:
            logs = np.log(np.maximum(world.confusions.rows, FLOOR))
            self._rows = logs - logs.mean(1, keepdims=True)

    @property
    def size(self) -> int:
        """Numbers in an embedding."""
        of_look = SIZE if self._world.confusions is None else len(self._world.looks)
        return of_look + self._world.uneven

    def of(self, programme: EventProgramme, rng: np.random.Generator) -> NDArray[np.float32]:
        """Embeddings of a programme's events [T, N, size].

        Args:
            programme: The programme.
            rng: Source of the noise.

        Returns:
            The embeddings.
        """
        if self._world.confusions is None:
            shown = self._looks[programme.look]
            shown += NOISE * rng.standard_normal(shown.shape)
        else:
            shown = self._rows[programme.row]
        if self._world.uneven:
            shown = np.concatenate((shown, np.log(programme.interval)[..., None]), -1)
        return shown.astype(np.float32)


class EventStreams:
    """Endless streams of an event world, for training.

    Only ambiguous events after a cue of their fact have a label: the others need no memory.

    Args:
        world: The world.
        streams: Number of streams, N.
        seed: Seed of the programmes and of the embeddings' noise.
        curriculum: Change of the informative rates over the training.
        looks_seed: Seed of the looks' vectors; training and test must agree in it.
        mean_length: Mean number of events until a stream ends and another one begins.
    """

    def __init__(
        self,
        world: EventWorld,
        streams: int,
        seed: int,
        *,
        curriculum: Curriculum | None = None,
        looks_seed: int = 0,
        mean_length: float = 4096.0,
    ) -> None:
        self._world = world
        self._curriculum = curriculum or Curriculum()
        self._sampler = EventSampler(world, streams, seed=seed, mean_length=mean_length)
        self._rng = np.random.default_rng([seed, 1])
        self._embedding = EventEmbedding(world, looks_seed)
        self._seconds = np.zeros(streams)

    def draw(self, length: int, progress: float) -> StreamBatch:
        """Next events of all streams; see `Streams`."""
        rates = (pace.informative_rate for pace in self._world.paces)
        self._sampler.world = self._world.denser(
            tuple(
                self._curriculum.between(max(self._curriculum.dense, rate), rate, progress) for rate in rates
            )
        )
        programme = self._sampler.draw(length)
        batch = event_batch(programme, self._embedding.of(programme, self._rng), self._seconds)
        if length:
            self._seconds = batch.times[-1].numpy().copy()
        return batch

    def state_dict(self) -> dict[str, Any]:
        """State of the streams, for JSON."""
        return {
            "sampler": self._sampler.state_dict(),
            "rng": self._rng.bit_generator.state,
            "seconds": self._seconds.tolist(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; see `Streams`."""
        rng = saved_generator(state)
        try:
            seconds = np.array(state["seconds"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"streams: not a state of their times: {error!r}") from error
        if seconds.shape != self._seconds.shape or not np.isfinite(seconds).all():
            raise InputError("streams: 'seconds' is of other streams")
        self._sampler.load_state_dict(state.get("sampler", {}))
        self._rng, self._seconds = rng, seconds


def event_batch(
    programme: EventProgramme, events: NDArray[np.float32], since: NDArray[np.float64]
) -> StreamBatch:
    """Events of a programme with their labels and times.

    Args:
        programme: The programme, [T, N].
        events: Embeddings [T, N, size].
        since: Seconds of the last event before the programme [N].

    Returns:
        The events.
    """
    world = programme.world
    offset = np.cumsum([0, *(len(fact.labels) for fact in world.facts)])
    labels = np.where(programme.judged, programme.answer + offset[programme.fact], UNLABELLED)
    times = since + np.cumsum(programme.interval, 0) / world.fps
    return StreamBatch(
        torch.from_numpy(events),
        torch.from_numpy(labels),
        torch.from_numpy(programme.restart),
        torch.from_numpy(times),
    )
