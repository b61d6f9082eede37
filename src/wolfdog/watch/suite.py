"""Suite of event worlds: memories are trained in each, and held against its ideal observer."""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..atomic import atomic_write
from ..cells import Chrono
from ..errors import InputError
from ..layers import detach
from ..tv.events import EventObserver, EventProgramme, EventSampler, EventWorld
from .data.event_streams import EventEmbedding, EventStreams, event_batch
from .data.streams import Curriculum
from .evaluation.metrics import GAPS, Mask
from .model.context import Context
from .training.objectives import ContextObjective
from .training.trainer import OptimizerSettings, Trainer

SUITE_MEMORIES = ("elman", "lstm", "four-gate-lstm", "gru", "attention", "memory-network")
"""Memories that the suite compares by default."""

SUITE_GAPS: tuple[tuple[int, int], ...] = (*GAPS, (3000, 10_000), (10_000, 30_000))
"""Buckets of gaps in events, [lo, hi)."""

LEARNED = 0.02
"""Mean shortfall on validation streams at which a world counts as learned."""

CHECKS = 10
"""Validations in a training."""

TEST_SEED, VALIDATION_SEED = 1_000_000, 2_000_000
"""Added to a run's seed for its test and validation streams."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SuiteSettings:
    """Training and test of each memory in each world.

    Args:
        plan: Steps and learning rate.
        streams: Streams side by side in training.
        chunk: Events in a step.
        hidden: Units of a memory.
        curriculum: Change of the informative rates over the training.
        test_streams: Streams of the test.
        test_events: Events in each; more in worlds whose gaps are longer.
        longest_test: Events in each test stream at most.

    Raises:
        InputError: A number is below 1.
    """

    plan: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(steps=400, learning_rate=5e-3))
    streams: int = 64
    chunk: int = 64
    hidden: int = 32
    curriculum: Curriculum = field(default_factory=Curriculum)
    test_streams: int = 16
    test_events: int = 4096
    longest_test: int = 100_000

    def __post_init__(self) -> None:
        for name in ("streams", "chunk", "hidden", "test_streams", "test_events", "longest_test"):
            if getattr(self, name) < 1:
                raise InputError(f"suite: {name} must be 1 or more; got {getattr(self, name)!r}")

    def events(self, world: EventWorld) -> int:
        """Events in each test stream of a world: ten times the mean gap of its quietest pace, within the bounds."""
        return min(max(round(10 * _longest_gap(world)), self.test_events), self.longest_test)

    def time_span(self, world: EventWorld) -> float:
        """Longest time span of the initial forget gates: the mean gap of the quietest pace, 1,000 or more."""
        return max(1000.0, _longest_gap(world))


def _longest_gap(world: EventWorld) -> float:
    """Mean number of events between two cues of a fact in the quietest pace that has any."""
    rates = [pace.informative_rate for pace in world.paces if pace.informative_rate > 0]
    return len(world.facts) / min(rates, default=1.0)


@dataclass(frozen=True)
class SuiteRun:
    """Result of one memory in one world.

    The shortfall at an ambiguous event is max_l p(l) - p(l*), where p are the probabilities of the ideal observer and
    l* is the label that the memory names. Its mean is the expected difference of the two accuracies.

    Args:
        world: Name of the world.
        memory: Name of the memory.
        seed: Seed of the initial weights and of all streams.
        shortfall: Mean over all ambiguous events that follow a cue of their fact.
        by_gap: Mean shortfall in each bucket of gaps; None in an empty bucket.
        by_fact: Mean shortfall of each fact in each bucket.
        counts: Events in each bucket.
        accuracy: Share of labels that the memory named rightly.
        ideal: That of the ideal observer.
        learned: First step at which the shortfall on validation streams was 0.02 or less; None if there was none.
        seconds: Processor time of the training.
        parameters: Parameters of the memory and its head.
    """

    world: str
    memory: str
    seed: int
    shortfall: float
    by_gap: tuple[float | None, ...]
    by_fact: tuple[tuple[float | None, ...], ...]
    counts: tuple[int, ...]
    accuracy: float
    ideal: float
    learned: int | None
    seconds: float
    parameters: int


@dataclass(frozen=True)
class _Job:
    world: EventWorld
    memory: str
    seed: int
    settings: SuiteSettings


def run_suite(
    worlds: Mapping[str, EventWorld],
    memories: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    *,
    settings: SuiteSettings | None = None,
    workers: int = 1,
    report: Callable[[SuiteRun, int, int], None] | None = None,
) -> list[SuiteRun]:
    """Train every memory in every world, and write `out` after each run.

    Runs that `out` already holds with the same settings are not repeated.

    Args:
        worlds: Worlds by name.
        memories: Names of memories.
        seeds: Seeds.
        out: JSON file of the results.
        settings: Training and test.
        workers: Processes side by side.
        report: Called after each run with the run, the number of runs done and that of all.

    Returns:
        The runs, by world, memory and seed.

    Raises:
        InputError: `out` was not written by this function.
        WorldError: The ideal observer of a world cannot be computed.
    """
    settings = settings or SuiteSettings()
    for world in worlds.values():
        EventObserver(world)  # a world that is too large is refused before hours of training
    known = _known(out, settings)
    keys = [(world, memory, seed) for world in worlds for memory in memories for seed in seeds]
    runs = {key: known[key] for key in keys if key in known}
    jobs = {key: _Job(worlds[key[0]], key[1], key[2], settings) for key in keys if key not in known}
    for key, run in _results(jobs, workers):
        runs[key] = known[key] = run
        _write(out, settings, list(known.values()))
        if report is not None:
            report(run, len(runs), len(keys))
    return [runs[key] for key in keys]


def _results(
    jobs: Mapping[tuple[str, str, int], _Job], workers: int
) -> Iterator[tuple[tuple[str, str, int], SuiteRun]]:
    if workers == 1 or len(jobs) < 2:
        for key, job in jobs.items():
            yield key, _run(key[0], job)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy torch's thread pool in mid-step
    with ProcessPoolExecutor(workers, spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = {pool.submit(_run, key[0], job): key for key, job in jobs.items()}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(name: str, job: _Job) -> SuiteRun:
    """Train one memory in one world, and test it."""
    world, settings, plan = job.world, job.settings, job.settings.plan
    torch.manual_seed(job.seed)
    embedding = EventEmbedding(world, 0)
    context = Context(
        job.memory,
        len(world.answers),
        embedding=embedding.size,
        hidden=settings.hidden,
        fps=world.fps,
        forget=Chrono(settings.time_span(world), spread="log"),
    )
    streams = EventStreams(world, settings.streams, job.seed, curriculum=settings.curriculum)
    trainer = Trainer(ContextObjective(context, streams, settings.chunk), plan, {})
    validation = _Trial(
        world, embedding, max(1, settings.test_streams // 2), settings.test_events // 2, job.seed
    )
    learned, seconds = None, 0.0
    for step in range(1, plan.steps + 1):
        began = time.process_time()
        trainer.advance()
        seconds += time.process_time() - began
        if learned is None and step % max(1, plan.steps // CHECKS) == 0:
            shortfall = validation.shortfall(context.eval())
            learned = step if float(shortfall.mean()) <= LEARNED else None
    test = _Trial(world, embedding, settings.test_streams, settings.events(world), job.seed + TEST_SEED)
    return test.run(name, job, context.eval(), learned, seconds)


class _Trial:
    """Test or validation streams of a world, with the probabilities of the ideal observer."""

    def __init__(
        self, world: EventWorld, embedding: EventEmbedding, streams: int, events: int, seed: int
    ) -> None:
        sampler = EventSampler(world, streams, seed=seed + VALIDATION_SEED)
        self._programme = sampler.draw(events)
        self._embedding, self._seed = embedding, seed
        self._judged = self._programme.judged
        if not self._judged.any():
            raise InputError(
                f"world {world.name!r}: no ambiguous look follows a cue of its fact in {streams} test streams of "
                f"{events} events. Raise the world's rates."
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

    def run(self, name: str, job: _Job, context: Context, learned: int | None, seconds: float) -> SuiteRun:
        """Result of a trained memory."""
        named = self._named(context)
        lost, gap = self._lost(named), self._programme.gap[self._judged]
        buckets = [(lo <= gap) & (gap < hi) for lo, hi in SUITE_GAPS]
        return SuiteRun(
            name,
            job.memory,
            job.seed,
            float(lost.mean()),
            _means(lost, buckets),
            tuple(
                _means(lost, [bucket & (self._fact == number) for bucket in buckets])
                for number in range(len(job.world.facts))
            ),
            tuple(int(bucket.sum()) for bucket in buckets),
            float((named == self._answer).mean()),
            float((self._ideal.argmax(-1) == self._answer).mean()),
            learned,
            seconds,
            sum(parameter.numel() for parameter in context.parameters()),
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


def _known(out: Path, settings: SuiteSettings) -> dict[tuple[str, str, int], SuiteRun]:
    """Runs that a file holds, by world, memory and seed."""
    if not out.exists():
        return {}
    try:
        data = json.loads(out.read_text(encoding="utf-8"))
        if data["settings"] != _plain(settings):
            raise InputError(f"{out}: has runs with other settings. Choose another folder or remove it.")
        runs = [
            SuiteRun(
                **{
                    **run,
                    "by_gap": tuple(run["by_gap"]),
                    "counts": tuple(run["counts"]),
                    "by_fact": tuple(tuple(row) for row in run["by_fact"]),
                }
            )
            for run in data["runs"]
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{out}: not a file of the suite: {error!r}. Choose another folder.") from error
    return {(run.world, run.memory, run.seed): run for run in runs}


def _plain(settings: SuiteSettings) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain


def _write(out: Path, settings: SuiteSettings, runs: Sequence[SuiteRun]) -> None:
    whole = {
        "gaps": [list(bucket) for bucket in SUITE_GAPS],
        "settings": _plain(settings),
        "runs": [asdict(run) for run in runs],
    }
    with atomic_write(out) as file:
        json.dump(whole, file, indent=1, allow_nan=False)
        file.write("\n")
