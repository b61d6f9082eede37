"""Runs of the suite: each memory is trained and tested in each event world."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from ...cells import Chrono
from ...child_process import process_pool, uninterrupted_start
from ...errors import WolfdogError
from ...tv.events import EventWorld
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
        InputError: `out` was not written by this function, or has runs with other settings or of other worlds of the
            same names.
        WolfdogError: A process was killed.
    """
    settings = settings or SuiteSettings()
    known = read_runs(out, settings, worlds)
    keys = [(world, memory, seed) for world in worlds for memory in memories for seed in seeds]
    runs = {key: known[key] for key in keys if key in known}
    jobs = {key: _Job(worlds[key[0]], key[1], key[2], settings) for key in keys if key not in known}
    with closing(_results(jobs, workers)) as results:
        for key, run in results:
            runs[key] = known[key] = run
            write_runs(out, settings, list(known.values()))
            if report is not None:
                report(run, len(runs), len(keys))
    return [runs[key] for key in keys]


def _results(
    jobs: Mapping[tuple[str, str, int], _Job], workers: int
) -> Generator[tuple[tuple[str, str, int], SuiteRun], None, None]:
    if workers == 1 or len(jobs) < 2:
        for key, job in jobs.items():
            yield key, _run(key[0], job)
        return
    try:
        with process_pool(min(workers, len(jobs)), torch.set_num_threads, 1) as pool:
            with uninterrupted_start():  # the first one starts the processes
                running = {pool.submit(_run, key[0], job): key for key, job in jobs.items()}
            for future in as_completed(running):
                yield running[future], future.result()
    except BrokenProcessPool as error:
        raise WolfdogError(
            "a process that trained a memory was killed, most likely because the machine ran out of memory. Try fewer "
            "--workers; the same command goes on from here."
        ) from error


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
