"""Child processes that end with their parent, even if it is killed, and begin undisturbed by the keyboard."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

_PERIOD = 0.5
"""Seconds between two looks at the parent."""


@contextmanager
def uninterrupted_start() -> Iterator[None]:
    """Context in which child processes are started: signals that interrupt come at its end.

    An interrupt between the start of a process and the message that says what it shall do would leave a child that
    prints an error. The children never get SIGINT: a terminal sends it to them too, while they load their packages.

    Raises:
        KeyboardInterrupt: At the end; or as the handlers of the signals do.
    """
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock the signals
    came: list[tuple[int, FrameType | None]] = []
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, lambda number, frame: came.append((number, frame)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for place, frame in came:
            before[signal.Signals(place)](place, frame)


@contextmanager
def process_pool(workers: int, begin: Callable[..., None], *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Pool of processes that end with the block: after an error or an interrupt at once, in the middle of their work.

    Jobs are submitted in `uninterrupted_start`. The processes leave SIGINT to their parent.

    Args:
        workers: Number of processes.
        begin: Function that each process calls once.
        *arguments: Its arguments.

    Yields:
        The pool.
    """
    others = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
    pool = ProcessPoolExecutor(workers, spawn, _begin, (os.getpid(), begin, arguments))
    try:
        yield pool
    except BaseException:
        ours = set(multiprocessing.active_children()) - others
        pool.shutdown(wait=False, cancel_futures=True)
        for process in ours:
            process.terminate()
        for process in ours:
            process.join()
        raise
    pool.shutdown()


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    begin_child(parent)
    begin(*arguments)


def begin_child(parent: int) -> None:
    """Leave SIGINT to the parent of this process, and end soon after it has ended, for any reason.

    A process that is killed cannot stop its children. Each child calls this once; a thread of its own then compares the
    parent's number every half second.

    Args:
        parent: Process number of the parent, as it was before this process was started.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PERIOD)
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
