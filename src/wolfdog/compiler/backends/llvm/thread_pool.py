"""Batch-split kernels over threads: PyTorch's OpenMP threads, or a thread pool where those are not available.

The number of threads is torch.get_num_threads(), and kernels release the GIL.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch

from ...fork_safety import pools
from .build import Code
from .openmp import team

WORTH = 400_000
"""Multiplications per thread below which another thread costs more than it saves."""

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def shares(batch: int, work: int) -> int:
    """Number of threads for a batch, by the total number of multiplications."""
    return max(1, min(torch.get_num_threads(), batch, work // WORTH))


def cuts(batch: int, parts: int, lengths: Numbers | None = None) -> list[int]:
    """Bounds of the parts of a batch, with about equal numbers of events; lengths are descending.

    >>> cuts(7, 2)
    [0, 4, 7]
    >>> cuts(4, 2, np.array([9, 1, 1, 1]))
    [0, 1, 4]
    """
    if lengths is None:
        return [-(-batch * part // parts) for part in range(parts + 1)]
    done = np.cumsum(lengths)
    bounds = np.searchsorted(done * parts, done[-1] * np.arange(1, parts)) + 1
    return [0, *(bound for bound in dict.fromkeys(bounds.tolist()) if bound < batch), batch]


def run(kernel: Code, table: int, borders: Sequence[int]) -> None:
    """Run a batch-split kernel on every part of a batch, and wait."""
    if len(borders) == 2:
        kernel(table, borders[0], borders[1])
        return
    workers = team()
    if workers is not None:
        workers.batch_split(kernel.address, table, borders)
        return
    pool = _threads(len(borders) - 2)
    waiting = [(pool.submit(kernel, table, low, high), low, high) for low, high in pairwise(borders[1:])]
    kernel(table, borders[0], borders[1])
    for part, low, high in reversed(waiting):  # threads take the first ones first
        if part.cancel():  # no thread has started it, as on a busy machine
            kernel(table, low, high)
        else:
            part.result()


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    with pools:
        if _pool is None or _pool[0] != os.getpid() or _pool[1] < count:
            _pool = (os.getpid(), count, ThreadPoolExecutor(count, thread_name_prefix="wolfdog"))
        return _pool[2]
