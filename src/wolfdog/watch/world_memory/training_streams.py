"""Streams that the world memory is trained on: the world's programmes, and programmes varied around it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.tv import Sampler, World

from .bank import Bank
from .streams import (
    Floats,
    Integers,
    SimulatedStreams,
    clarity_of,
    labels_of,
    log_of,
    of_shots,
    photographs_of,
)

Span = tuple[float, float]
CLEAN = "clean"
"""Name of the degradation of photographs that are not degraded."""


@dataclass(frozen=True, kw_only=True)
class StreamRanges:
    """Ranges that each stream's parameters are drawn from, evenly; those marked (log) evenly in the logarithm.

    Attributes:
        as_world: Share of the streams that are the world's, as `show` has it; the ranges hold for the others.
        pace: (log) factor by which shots and gaps are longer than the world's.
        fps: (log) frames a second.
        same_crop: Probability that a frame shows the crop of the frame before.
        disorder: Share of the streams whose shots are drawn by the frequencies of the classes alone, on no channel.
        noise: Deviation of the noise that is added to the logits, and that fades over frames.
        fading: Correlation of that noise from frame to frame.
        shot_noise: Deviation of the noise that is added to the logits for a whole shot.
        sharpness: Factor of the logits (log): below 1, the classifier is less sure than of the photographs.
        distracting: Share of the shots of distractors among those of their class.
        clean: Share of the streams all of whose frames are clean, where the bank has clean photographs.
        unseen: Share of the streams whose clarity is unknown, as of results files.
        concentration: Of the Dirichlet distribution of the degradations (log).
        change: Probability that the degradation changes from frame to frame.
    """

    as_world: float = 0.5
    pace: Span = (0.5, 12.0)
    fps: Span = (0.5, 30.0)
    same_crop: Span = (0.0, 0.95)
    disorder: float = 0.25
    noise: Span = (0.0, 0.8)
    fading: Span = (0.5, 0.98)
    shot_noise: Span = (0.0, 1.0)
    sharpness: Span = (0.3, 1.1)
    distracting: Span = (0.0, 0.9)
    clean: float = 0.4
    unseen: float = 0.3
    concentration: Span = (0.2, 2.0)
    change: Span = (0.0, 0.02)

    def __post_init__(self) -> None:
        for name in ("as_world", "disorder", "clean", "unseen"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share from 0 to 1, got {getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class _Pool:
    """Programmes that streams are cut out of."""

    labels: Integers
    """[T, N]"""
    shots: Integers
    """[T, N]"""


class TrainingStreams:
    """Endless segments of N streams.

    Args:
        bank: Of the world's labels.
        world: What is on.
        streams: N.
        frames: Of a segment.
        seed: Of everything.
        ranges: Of the streams that are not the world's.
        distractors: Photographs of one of the bank's classes that are shown besides, in streams that are not the
            world's: of animals that look like those of other classes.
        pool: Frames of the programmes that segments are cut out of; four segments' where None.
    """

    def __init__(
        self,
        bank: Bank,
        world: World,
        *,
        streams: int = 64,
        frames: int = 2048,
        seed: int = 0,
        ranges: StreamRanges | None = None,
        distractors: Bank | None = None,
        pool: int | None = None,
    ) -> None:
        self.bank, self.world, self.streams, self.frames = bank, world, streams, frames
        self._p, self._clarity = bank.probabilities, clarity_of(bank)
        self._distractors = np.zeros(0, np.int64)
        if distractors is not None:
            self._p = np.concatenate((bank.probabilities, distractors.probabilities))
            self._clarity = np.concatenate((self._clarity, clarity_of(distractors)))
            self._distractors = distractors.labels
        self.ranges = StreamRanges() if ranges is None else ranges
        self._rng = np.random.default_rng(seed)
        stay = min(channel.mean_stay for channel in world.channels)
        varied = (
            world,
            world.with_(switch_every=max(1.0, stay / 4)),
            world.with_(switch_every=max(1.0, stay / 20)),
            world.with_(informative_rate=0.3),
        )
        length = max(4 * frames if pool is None else pool, frames)
        self._pools = [self._pool(of_world, length, seed + number) for number, of_world in enumerate(varied)]

    def _pool(self, world: World, frames: int, seed: int) -> _Pool:
        programme = Sampler(world, streams=128, seed=seed).draw(frames)
        return _Pool(labels_of(self.bank, programme), programme.shot)

    def segments(self) -> Iterator[SimulatedStreams]:
        """Segment after segment, each of new streams."""
        while True:
            yield self.segment()

    def segment(self) -> SimulatedStreams:
        """T frames of N new streams."""
        rng, ranges, N = self._rng, self.ranges, self.streams
        own = rng.random(N) < ranges.as_world
        labels, shots = self._programmes(own)
        cuts = np.diff(shots, axis=0, prepend=shots[:1] - 1) != 0
        number = cuts.cumsum(0) - 1
        count = int(number.max()) + 1
        disorder = ~own & (rng.random(N) < ranges.disorder)
        drawn = rng.choice(labels.reshape(-1), (count, N))
        labels = np.where(disorder, of_shots(drawn, number), labels)
        photograph = of_shots(photographs_of(self.bank, labels, rng.random((count, N)), number), number)
        if len(self._distractors):
            share = np.where(own, 0, rng.uniform(*ranges.distracting, N))
            other = of_shots(rng.integers(0, len(self._distractors), (count, N)), number)
            shown = (of_shots(rng.random((count, N)), number) < share) & (labels == self._distractors[other])
            photograph = np.where(shown, len(self.bank) + other, photograph)
        kind = self._degradations(own, cuts)
        crop = self._crops(own)
        log_p = log_of(self._p[photograph, kind, crop])
        clear = self._clarity[photograph, kind, crop]
        clear[:, ~own & (rng.random(N) < ranges.unseen)] = np.nan
        return SimulatedStreams(
            labels, self._noisy(log_p, own, number), self._seconds(own), clear, kind, cuts
        )

    def _programmes(self, own: NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """[T, N] labels and shots, cut out of the pools at any place; some slowed down or sped up."""
        rng, T, N = self._rng, self.frames, self.streams
        labels, shots = np.empty((T, N), np.int64), np.empty((T, N), np.int64)
        speed = np.where(own, 1.0, 1 / _log_uniform(rng, self.ranges.pace, N))
        which = np.where(own, 0, rng.integers(0, len(self._pools), N))
        for n in range(N):
            pool = self._pools[which[n]]
            length = len(pool.labels)
            fastest = min(speed[n], length / T)
            start = rng.uniform(0, length - fastest * (T - 1) - 1e-6)
            index = np.minimum((start + fastest * np.arange(T)).astype(np.int64), length - 1)
            column = rng.integers(pool.labels.shape[1])
            labels[:, n], shots[:, n] = pool.labels[index, column], pool.shots[index, column]
        return labels, shots

    def _degradations(self, own: NDArray[np.bool_], cuts: NDArray[np.bool_]) -> Integers:
        """[T, N]: a degradation for each shot, which may change within it."""
        rng, D, N = self._rng, len(self.bank.degradations), self.streams
        concentration = _log_uniform(rng, self.ranges.concentration, N)
        weights = rng.gamma(concentration[:, None], size=(N, D)) + 1e-6
        weights[own] = 1
        cumulative = (weights / weights.sum(-1, keepdims=True)).cumsum(-1)
        change = cuts | (rng.random(cuts.shape) < np.where(own, 0, rng.uniform(*self.ranges.change, N)))
        number = change.cumsum(0) - 1
        chance = rng.random((int(number.max()) + 1, N))
        kind = of_shots((chance[..., None] >= cumulative[:, :-1]).sum(-1), number)
        if CLEAN in self.bank.degradations:
            kind[:, ~own & (rng.random(N) < self.ranges.clean)] = self.bank.degradations.index(CLEAN)
        return kind

    def _crops(self, own: NDArray[np.bool_]) -> Integers:
        """[T, N]: a crop for each frame, which may stay for some frames."""
        rng, T, N = self._rng, self.frames, self.streams
        again = rng.random((T, N)) < np.where(own, 0.0, rng.uniform(*self.ranges.same_crop, N))
        again[0] = False
        drawn = rng.integers(0, self.bank.probabilities.shape[2], (T, N))
        last = np.maximum.accumulate(np.where(again, 0, np.arange(T)[:, None]), axis=0)
        return of_shots(drawn, last)

    def _noisy(self, log_p: Floats, own: NDArray[np.bool_], number: Integers) -> Floats:
        """Log probabilities of a less sure classifier, with noise of shots, and noise that fades over frames."""
        rng, N, K = self._rng, self.streams, log_p.shape[-1]
        size = np.where(own, 0.0, rng.uniform(*self.ranges.noise, N))[:, None].astype(np.float32)
        rho = rng.uniform(*self.ranges.fading, N)[:, None].astype(np.float32)
        noise = rng.standard_normal((N, K), np.float32)
        of_shot = rng.standard_normal((int(number.max()) + 1, N, K), np.float32)
        of_shot *= rng.uniform(*self.ranges.shot_noise, N)[:, None].astype(np.float32)
        sharpness = _log_uniform(rng, self.ranges.sharpness, N)[:, None].astype(np.float32)
        logits = log_p * sharpness + of_shot[number, np.arange(N)]
        for of_frame in logits:
            of_frame += size * noise
            fresh = rng.standard_normal((N, K), np.float32)
            noise = rho * noise + np.sqrt(1 - rho**2).astype(np.float32) * fresh
        p = np.exp(logits)
        return np.where(own[:, None], log_p, log_of(p / p.sum(-1, keepdims=True)))

    def _seconds(self, own: NDArray[np.bool_]) -> Floats:
        """[T, N]: one interval for each stream, unknown in a tenth of those that are not the world's."""
        rng, N = self._rng, self.streams
        fps = np.where(own, self.world.fps, _log_uniform(rng, self.ranges.fps, N))
        seconds = np.where(~own & (rng.random(N) < 0.1), np.nan, 1 / fps)
        every = np.tile(seconds.astype(np.float32), (self.frames, 1))
        every[0] = np.where(np.isnan(seconds), np.nan, 0)
        return every


def _log_uniform(rng: np.random.Generator, span: Span, count: int) -> NDArray[np.float64]:
    low, high = span
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))
