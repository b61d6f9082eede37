"""Parallel training of several contexts, each in a process on one core."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...child_process import begin_child, uninterrupted_start
from ...errors import WolfdogError
from ..model.context import Context
from .in_step import groups_in_step, train_in_step
from .jobs import ContextJob
from .trainer import Progress

Report = Callable[[str, Progress], None]
Weights = dict[str, NDArray[np.float32]]

_reports: "Queue[Any] | None" = None
"""Queue for a worker process's progress; set once, when the process begins."""
_stop: Event | None = None
"""Event that ends a worker process's trainings at their next step; set once, as `_reports`."""


class _StoppedError(Exception):
    """Error that ends a training because another one failed, or the user interrupted."""


def train_contexts(jobs: Mapping[str, ContextJob], workers: int, report: Report) -> dict[str, Context]:
    """Train the contexts of `jobs` in `workers` processes.

    The weights are those of each job by itself, whatever the number of processes: each is trained on one thread. After
    an error or an interrupt, all end at their next step.

    Args:
        jobs: Trainings by name.
        workers: Number of processes.
        report: Called after each step with the name of the job.

    Returns:
        The trained contexts by name.

    Raises:
        WolfdogError: A process ended unexpectedly, or training raised this error.
    """
    spawn = multiprocessing.get_context("spawn")  # a fork would copy torch's thread pool in mid-step
    reports: Queue[Any] = spawn.Queue()
    stop = spawn.Event()
    with (
        _relay(reports, report),
        ProcessPoolExecutor(workers, spawn, _begin, (reports, stop, os.getpid())) as pool,
    ):
        try:
            with uninterrupted_start():
                running = [pool.submit(_train, group) for group in groups_in_step(jobs, workers)]
            for future in as_completed(running):
                future.result()  # the first error is raised, whichever job's it is
        except BrokenProcessPool as error:
            raise WolfdogError(
                f"a process that trained a memory ({', '.join(jobs)}) was killed, most likely because the machine ran "
                "out of memory. Close what else is running, or train fewer at once (workers=1)."
            ) from error
        except BaseException:
            stop.set()  # a killed process could keep the lock of the queue
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        weights = {name: of_one for future in running for name, of_one in future.result().items()}
    return {name: _context(jobs[name], weights[name]) for name in jobs}


def _begin(reports: "Queue[Any]", stop: Event, parent: int) -> None:
    global _reports, _stop
    _reports, _stop = reports, stop
    begin_child(parent)
    torch.set_num_threads(1)


def _train(group: dict[str, ContextJob]) -> dict[str, Weights]:
    """Weights of the contexts of a group, by name."""
    reports, stop = _reports, _stop
    assert reports is not None
    assert stop is not None

    def told(name: str, made: Progress) -> None:
        if stop.is_set():
            raise _StoppedError
        reports.put((name, made))

    return {
        name: {key: value.numpy() for key, value in context.state_dict().items()}
        for name, context in train_in_step(group, told).items()
    }


def _context(job: ContextJob, weights: Weights) -> Context:
    context = Context.of(job.config)
    context.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    return context.eval()


@contextmanager
def _relay(reports: "Queue[Any]", report: Report) -> Iterator[None]:
    """Forwarding of the workers' progress to `report`, in a thread, until the block ends."""

    def listen() -> None:
        while (message := reports.get()) is not None:
            report(*message)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        reports.put(None)
        listener.join()
