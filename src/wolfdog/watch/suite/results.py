"""Results of the suite, and the file that keeps them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...atomic import atomic_write
from ...errors import InputError
from ..evaluation.metrics import GAPS
from .settings import SuiteSettings

SUITE_GAPS: tuple[tuple[int, int], ...] = (*GAPS, (3000, 10_000), (10_000, 30_000))
"""Buckets of gaps in events, [lo, hi)."""


@dataclass(frozen=True)
class SuiteRun:
    """Result of one memory in one world.

    The shortfall at an ambiguous event is max_l p(l) - p(l*), where p are the probabilities of the ideal observer and
    l* is the label that the memory names. Its mean is the expected difference of the two accuracies.

    Args:
        world: Name of the world.
        memory: Name of the memory.
        seed: Seed of the initial weights and of all streams.
        shortfall: Mean over all ambiguous events that follow a cue of their fact.
        by_gap: Mean shortfall in each bucket of gaps; None in an empty bucket.
        by_fact: Mean shortfall of each fact in each bucket.
        counts: Events in each bucket.
        accuracy: Share of labels that the memory named rightly.
        ideal: That of the ideal observer.
        learned: First step at which the shortfall on validation streams was 0.02 or less; None if there was none.
        seconds: Processor time of the training.
        parameters: Parameters of the memory and its head.
    """

    world: str
    memory: str
    seed: int
    shortfall: float
    by_gap: tuple[float | None, ...]
    by_fact: tuple[tuple[float | None, ...], ...]
    counts: tuple[int, ...]
    accuracy: float
    ideal: float
    learned: int | None
    seconds: float
    parameters: int


def read_runs(out: Path, settings: SuiteSettings) -> dict[tuple[str, str, int], SuiteRun]:
    """Runs that a file holds, by world, memory and seed."""
    if not out.exists():
        return {}
    try:
        data = json.loads(out.read_text(encoding="utf-8"))
        if data["settings"] != _plain(settings):
            raise InputError(f"{out}: has runs with other settings. Choose another folder or remove it.")
        runs = [
            SuiteRun(
                **{
                    **run,
                    "by_gap": tuple(run["by_gap"]),
                    "counts": tuple(run["counts"]),
                    "by_fact": tuple(tuple(row) for row in run["by_fact"]),
                }
            )
            for run in data["runs"]
        ]
        return {(run.world, run.memory, run.seed): run for run in runs}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{out}: not a file of the suite: {error!r}. Choose another folder.") from error


def _plain(settings: SuiteSettings) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain


def write_runs(out: Path, settings: SuiteSettings, runs: Sequence[SuiteRun]) -> None:
    """Write the runs to a file, whole or not at all."""
    whole = {
        "gaps": [list(bucket) for bucket in SUITE_GAPS],
        "settings": _plain(settings),
        "runs": [asdict(run) for run in runs],
    }
    with atomic_write(out) as file:
        json.dump(whole, file, indent=1, allow_nan=False)
        file.write("\n")
