"""Results of the suite, and the file that keeps them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...atomic import atomic_write
from ...errors import InputError
from ...tv.checks import short
from ...tv.events import EVENT_WORLDS, EventWorld, load_event_world
from ..evaluation.metrics import GAPS
from .settings import SuiteSettings

SUITE_GAPS: tuple[tuple[int, int], ...] = (*GAPS, (3000, 10_000), (10_000, 30_000))
"""Buckets of gaps in events, [lo, hi)."""

_GAPS = [list(bucket) for bucket in SUITE_GAPS]
_REMEDY = "Choose another folder, or remove the file."


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
        digest: Digest of the world's definition.
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
    digest: str


def read_runs(
    out: Path, settings: SuiteSettings, worlds: Mapping[str, EventWorld] | None = None
) -> dict[tuple[str, str, int], SuiteRun]:
    """Runs that a file holds, by world, memory and seed.

    Args:
        out: The file; no runs if it does not exist.
        settings: Training and test, which must be those of the file's runs.
        worlds: Worlds by name, which must be those of the file's runs of these names.

    Returns:
        The runs.

    Raises:
        InputError: The file has runs with other settings or of other worlds of these names, or is damaged.
    """
    if not out.exists():
        return {}
    try:
        data = json.loads(out.read_text(encoding="utf-8"))
        same = data["settings"] == _plain(settings) and data["gaps"] == _GAPS
        runs = [_run(one, f"run {number}") for number, one in enumerate(data["runs"], 1)] if same else []
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        what: object = error
        if isinstance(error, KeyError):
            what = f"{error} is missing"
        elif isinstance(error, TypeError):
            what = "a part is of a wrong kind"
        raise InputError(f"{out}: damaged, or not a file of the suite: {what}. {_REMEDY}") from error
    if not same:
        raise InputError(f"{out}: has runs with other settings. {_REMEDY}")
    if len({(run.world, run.digest, len(run.by_fact)) for run in runs}) > len({run.world for run in runs}):
        raise InputError(f"{out}: damaged: has runs of different worlds of one name. {_REMEDY}")
    for run in runs:
        if worlds and run.world in worlds and run.digest != worlds[run.world].digest:
            raise InputError(
                f"{out}: has runs of another world named {run.world!r}. Choose another folder, rename the world, or "
                "remove the file."
            )
    return {(run.world, run.memory, run.seed): run for run in runs}


def _run(data: dict[str, Any], where: str) -> SuiteRun:
    """Run of a file.

    Raises:
        KeyError: A part is missing.
        TypeError: It is no table.
        ValueError: A part is not as `write_runs` writes it.
    """

    def check(good: bool, name: str, expected: str, value: Any) -> None:
        if not good:
            raise ValueError(f"{where}: {name}: expected {expected}, got {short(value)}")

    def text(name: str) -> str:
        check(isinstance(data[name], str), name, "a text", data[name])
        return str(data[name])

    def number(name: str, value: Any, most: float = 1 + 1e-9) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
        check(good, name, f"a number from 0 to {most:g}", value)
        return float(value)

    def whole(name: str, value: Any) -> int:
        check(type(value) is int and 0 <= value < 2**64, name, "a whole number", value)
        return int(value)

    def buckets(name: str, values: Any) -> list[Any]:
        check(
            isinstance(values, list) and len(values) == len(SUITE_GAPS),
            name,
            f"a list of {len(SUITE_GAPS)}",
            values,
        )
        return list(values)

    def means(name: str, values: Any) -> tuple[float | None, ...]:
        return tuple(None if value is None else number(name, value) for value in buckets(name, values))

    by_fact = data["by_fact"]
    check(isinstance(by_fact, list) and len(by_fact) > 0, "by_fact", "a list for each fact", by_fact)
    return SuiteRun(
        world=text("world"),
        memory=text("memory"),
        seed=whole("seed", data["seed"]),
        shortfall=number("shortfall", data["shortfall"]),
        by_gap=means("by_gap", data["by_gap"]),
        by_fact=tuple(means("by_fact", of_fact) for of_fact in by_fact),
        counts=tuple(whole("counts", count) for count in buckets("counts", data["counts"])),
        accuracy=number("accuracy", data["accuracy"]),
        ideal=number("ideal", data["ideal"]),
        learned=None if data["learned"] is None else whole("learned", data["learned"]),
        seconds=number("seconds", data["seconds"], 1e12),
        parameters=whole("parameters", data["parameters"]),
        digest=text("digest") if "digest" in data else _digest(data["world"]),
    )


def _digest(world: str) -> str:
    """Digest of a world of wolfdog, for runs of a file without digests; of another world none is known."""
    return load_event_world(world).digest if world in EVENT_WORLDS else ""


def _plain(settings: SuiteSettings) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain


def write_runs(out: Path, settings: SuiteSettings, runs: Sequence[SuiteRun]) -> None:
    """Write the runs to a file, whole or not at all."""
    whole = {
        "gaps": _GAPS,
        "settings": _plain(settings),
        "runs": [asdict(run) for run in runs],
    }
    with atomic_write(out) as file:
        json.dump(whole, file, indent=1, allow_nan=False)
        file.write("\n")
