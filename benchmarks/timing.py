"""Medians of calls that take turns, the machine's own speed, and whether two answers agree."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

PAUSE = 0.05
"""Seconds before each turn: threads of the peer before it spin on for milliseconds, and would take its cores."""

ROUNDS = 3
"""Every call is timed so many times at least, however long it takes."""


def in_turn(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median milliseconds of each call; the calls take turns, so that what disturbs one disturbs all."""
    return {name: statistics.median(found) for name, found in rounds_of(calls, seconds).items()}


def rounds_of(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each call in every round of turns.

    In its turn a call is made twice, first to wake its own threads, and the second time counts.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    end, rounds = time.perf_counter() + seconds * len(calls), 0
    while time.perf_counter() < end or rounds < ROUNDS:
        rounds += 1
        for name, call in calls.items():
            time.sleep(PAUSE)
            call()  # wakes the threads of its own
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return times


def sgemm(seconds: float = 0.2) -> float:
    """The machine's rate of matrix products, GFLOP/s, on 1024 x 1024."""
    a = torch.randn(1024, 1024)
    return 2 * 1024**3 / in_turn({"mm": lambda: a @ a}, seconds)["mm"] / 1e6


def disagreement(actual: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference of any two tensors, relative to the largest number of the one expected."""
    worst = 0.0
    for found, should in zip(actual, expected, strict=True):
        scale = should.abs().max().clamp_min(1e-6)
        worst = max(worst, float((found.detach() - should.detach()).abs().max() / scale))
    return worst


@contextmanager
def subnormals_as_zeros() -> Iterator[None]:
    """Context in which PyTorch makes zeros of subnormal numbers, as wolfdog's kernels of gradients do."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
