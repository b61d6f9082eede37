"""Tasks of a job in several worker processes, each with a labeller of its own."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from wolfdog.child_process import begin_child, uninterrupted_start
from wolfdog.errors import MediaWarning, WolfdogError
from wolfdog.lost_signals import sent_again

from ..labelling.labeller import Labeller
from .in_process import Reports, commit, label
from .part_writer import PartWriter, Task
from .reports import Place, Written

Loader = Callable[[], Labeller]
"""Function that makes a labeller; it is sent to other processes."""

_AHEAD = 2
"""Tasks that a worker has at a time, so that it never waits for the next."""
_TRIES = 2
"""Processes that may die of one task."""
_PATIENCE = 20.0
"""Seconds in which workers that are told to stop commit what they have finished."""


def run_in_workers(
    loader: Loader, place: Place, tasks: Iterable[Task], report: Reports, *, workers: int
) -> None:
    """Run tasks in several processes; what is finished at an error or an interrupt is committed.

    A worker that dies is replaced, and its unfinished tasks are done again.

    Args:
        loader: Makes the labeller of each process.
        place: Folders and options.
        tasks: The tasks.
        report: Called with each report, in this process.
        workers: Number of processes.

    Raises:
        WolfdogError: A worker could not begin or died twice of one task, or the error of a worker.
        MediaError: A disk with files was removed.
        OSError: A file cannot be written.
    """
    waiting = deque(tasks)
    pool: list[_Worker] = []
    deaths: Counter[str] = Counter()
    try:
        for _ in range(min(workers, len(waiting))):
            pool.append(_Worker(loader, place))
        while waiting or any(worker.tasks for worker in pool):
            for worker in pool:
                while waiting and len(worker.tasks) < _AHEAD:
                    worker.give(waiting.popleft())
            ready = wait([worker.connection for worker in pool], timeout=1.0)
            for number, worker in enumerate(pool):
                if worker.connection in ready and not worker.receive(report):
                    unfinished = worker.finish()
                    for task in unfinished[:1]:
                        deaths[task.deployment.key] += 1
                        if deaths[task.deployment.key] == _TRIES:
                            raise WolfdogError(
                                f"{task.deployment.name}: {_TRIES} processes were killed while they labelled it, most "
                                "likely because the machine ran out of memory. Try fewer --workers."
                            )
                    waiting.extendleft(reversed(unfinished))
                    pool[number] = _Worker(loader, place)
    finally:
        _stop(pool, report)


class _Worker:
    """Worker process as its parent sees it."""

    def __init__(self, loader: Loader, place: Place) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
        self.connection, theirs = spawn.Pipe()
        self.tasks: list[Task] = []
        self.process: BaseProcess = spawn.Process(
            target=_work, args=(theirs, loader, place, os.getpid()), daemon=True
        )
        with uninterrupted_start():
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # it has died: the next `receive` says so
            self.connection.send(task)

    def receive(self, report: Reports) -> bool:
        """Handle one message; False if there will be no more.

        Raises:
            BaseException: The error of the worker.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return False
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, str):
            warnings.warn(message, MediaWarning, stacklevel=2)
            return True
        report(message)
        if isinstance(message, Written):
            done = {record.key for record in message.records}
            self.tasks = [task for task in self.tasks if task.deployment.key not in done]
        return True

    def finish(self) -> list[Task]:
        """End the process; its unfinished tasks."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.tasks


def _stop(pool: list[_Worker], report: Reports) -> None:
    """Tell the workers to stop, and take what they have finished."""
    for worker in pool:
        with contextlib.suppress(OSError):
            worker.connection.send(None)
        if worker.tasks:
            worker.process.terminate()
    end = time.monotonic() + _PATIENCE
    try:
        for worker in pool:
            while time.monotonic() < end and worker.connection.poll(max(0.0, end - time.monotonic())):
                with contextlib.suppress(Exception):  # the first error is the one that is raised
                    if not worker.receive(report):
                        break
    finally:
        for worker in pool:
            worker.finish()


class _StoppedError(BaseException):
    """Request of the parent to stop."""


def _work(connection: Connection, loader: Loader, place: Place, parent: int) -> None:
    """Worker process: labels the tasks that come, until None comes or the parent asks it to stop."""
    import torch

    begin_child(parent)
    send = connection.send
    try:
        signal.signal(signal.SIGTERM, _raise_stopped)
        torch.set_num_threads(place.threads)
        with warnings.catch_warnings(), sent_again(_signal_of):
            warnings.simplefilter("default", MediaWarning)
            warnings.showwarning = lambda message, *_, **__: send(str(message))
            labeller = loader()
            writer = PartWriter(labeller, place.parts, place.media, place.options)
            try:
                while (task := connection.recv()) is not None:
                    label(writer, task, send)
                    if writer.due or not connection.poll(0):
                        commit(writer, send)
            finally:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                commit(writer, send)
    except (_StoppedError, EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except Exception as error:
        send(_portable(error))


def _raise_stopped(*_: object) -> None:
    raise _StoppedError


def _signal_of(error: BaseException) -> int | None:
    return signal.SIGTERM if isinstance(error, _StoppedError) else None


def _portable(error: Exception) -> Exception:
    """Error that another process can receive."""
    try:
        pickle.loads(pickle.dumps(error))  # of this process's own making
    except Exception:
        return WolfdogError(f"{type(error).__name__}: {error}")
    return error
