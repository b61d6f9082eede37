"""Work split over threads: PyTorch's own, or a plain pool where those cannot be had.

The number of threads is PyTorch's, and kernels release the GIL.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

import numpy as np
import torch

from .build import Code
from .openmp import team

WORTH = 400_000
"""Multiplications for each thread below which another thread costs more than it gains."""

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_lock = Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def shares(batch: int, work: int) -> int:
    """How many threads a batch is split over, for a number of multiplications in all."""
    return max(1, min(torch.get_num_threads(), batch, work // WORTH))


def cuts(batch: int, parts: int, lengths: Numbers | None = None) -> list[int]:
    """Where to cut a batch, so that parts have about the same number of events; lengths fall.

    >>> cuts(7, 2)
    [0, 4, 7]
    >>> cuts(4, 2, np.array([9, 1, 1, 1]))
    [0, 1, 4]
    """
    if lengths is None:
        return [-(-batch * part // parts) for part in range(parts + 1)]
    done = np.cumsum(lengths)
    ends = np.searchsorted(done * parts, done[-1] * np.arange(1, parts)) + 1
    return [0, *(end for end in dict.fromkeys(ends.tolist()) if end < batch), batch]


def run(kernel: Code, table: int, borders: Sequence[int]) -> None:
    """Run a kernel on every part of a batch, and wait."""
    if len(borders) == 2:
        kernel(table, borders[0], borders[1])
        return
    workers = team()
    if workers is not None:
        workers.apart(kernel.address, table, borders)
        return
    pool = _threads(len(borders) - 2)
    waiting = [(pool.submit(kernel, table, low, high), low, high) for low, high in pairwise(borders[1:])]
    kernel(table, borders[0], borders[1])
    for part, low, high in reversed(waiting):  # threads take them from the first on
        if part.cancel():  # none has come to it yet, as on a machine with other work
            kernel(table, low, high)
        else:
            part.result()


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
