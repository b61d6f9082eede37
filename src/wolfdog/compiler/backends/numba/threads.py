"""The batch split over threads: kernels release the GIL, and a plain pool runs them.

The number of threads is PyTorch's. The pool is made anew after a fork, where the parent's threads are not there.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from threading import Lock
from typing import cast
from weakref import WeakKeyDictionary

import torch

WORTH = 400_000
"""Multiplications for each thread below which another thread costs more than it gains."""

_lock = Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def shares(batch: int, work: int) -> int:
    """How many threads a batch is split over, for a number of multiplications in all."""
    return max(1, min(torch.get_num_threads(), batch, work // WORTH))


def cuts(batch: int, parts: int, lengths: Sequence[int] | None = None) -> list[int]:
    """Where to cut a batch, so that parts have about the same number of events; lengths fall.

    >>> cuts(7, 2)
    [0, 4, 7]
    >>> cuts(4, 2, [9, 1, 1, 1])
    [0, 1, 4]
    """
    if lengths is None:
        return [-(-batch * part // parts) for part in range(parts + 1)]
    total, done, result = sum(lengths), 0, [0]
    for example, length in enumerate(lengths):
        done += length
        if done * parts >= total * len(result) and len(result) < parts and example + 1 < batch:
            result.append(example + 1)
    return [*result, batch]


def run(kernel: Callable[[int, int, int], None], table: int, borders: Sequence[int]) -> None:
    """Run a kernel on every part of a batch, and wait.

    A part that no thread of the pool has come to yet, as on a machine with other work, is run here.
    """
    if len(borders) == 2:
        kernel(table, borders[0], borders[1])
        return
    pool = _threads(len(borders) - 2)
    _move_aside(pool)
    waiting = [(pool.submit(kernel, table, low, high), low, high) for low, high in pairwise(borders[1:])]
    kernel(table, borders[0], borders[1])
    for part, low, high in reversed(waiting):  # threads take them from the first on
        if part.cancel():
            kernel(table, low, high)
        else:
            part.result()


def _move_aside(pool: ThreadPoolExecutor) -> None:
    """Keep the pool off the caller's core: Linux wakes threads where they are called from, and lets them wait there."""
    if _current_core is None:
        return
    elsewhere = os.sched_getaffinity(0) - {_current_core()}
    threads = [thread.native_id for thread in list(pool._threads) if thread.native_id is not None]
    if not elsewhere or _kept_to.get(pool) == (threads, elsewhere):
        return
    for thread in threads:
        with suppress(OSError):  # it has ended, or may not be moved
            os.sched_setaffinity(thread, elsewhere)
    _kept_to[pool] = threads, elsewhere


def _core_of_linux() -> Callable[[], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return cast("Callable[[], int] | None", getattr(ctypes.CDLL(None), "sched_getcpu", None))


_current_core = _core_of_linux()
_kept_to: WeakKeyDictionary[ThreadPoolExecutor, tuple[list[int], set[int]]] = WeakKeyDictionary()


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None or _pool[0] != os.getpid() or _pool[1] < count:
            _pool = (os.getpid(), count, ThreadPoolExecutor(count, thread_name_prefix="wolfdog"))
        return _pool[2]


def _forget_lock() -> None:
    global _lock
    _lock = Lock()  # a thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
