"""Processes of a training as threads of this one, connected by gloo over the loopback as real ones are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import torch.distributed as dist

from wolfdog.watch.distributed import Processes, wait_for_all


def in_processes(size, run):
    """Results of `run(processes)`, called at once for each of `size` processes, in their order."""
    store = dist.HashStore()

    def one(rank):
        group = dist.ProcessGroupGloo(store, rank, size, timedelta(minutes=5))
        wait_for_all(store, size)
        return run(Processes(rank, size, group))

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))
