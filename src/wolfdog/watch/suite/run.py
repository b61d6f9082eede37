"""Runs of the suite: each memory is trained and tested in each event world."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from ...cells import Chrono
from ...tv.events import EventObserver, EventWorld
from ..data.event_streams import EventEmbedding, EventStreams
from ..model.context import Context
from ..training.objectives import ContextObjective
from ..training.trainer import Trainer
from .results import SuiteRun, read_runs, write_runs
from .settings import SuiteSettings
from .trial import Trial

SUITE_MEMORIES = ("elman", "lstm", "coupled-lstm", "four-gate-lstm", "gru", "attention", "memory-network")
"""Memories that the suite compares by default."""

LEARNED = 0.02
"""Mean shortfall on validation streams at which a world counts as learned."""

CHECKS = 10
"""Validations in a training."""

TEST_SEED = 1_000_000
"""Added to a run's seed for its test streams."""


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
    known = read_runs(out, settings)
    keys = [(world, memory, seed) for world in worlds for memory in memories for seed in seeds]
    runs = {key: known[key] for key in keys if key in known}
    jobs = {key: _Job(worlds[key[0]], key[1], key[2], settings) for key in keys if key not in known}
    for key, run in _results(jobs, workers):
        runs[key] = known[key] = run
        write_runs(out, settings, list(known.values()))
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
    validation = Trial(
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
    test = Trial(world, embedding, settings.test_streams, settings.events(world), job.seed + TEST_SEED)
    return test.run(name, job.memory, job.seed, context.eval(), learned, seconds)
