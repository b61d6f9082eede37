"""Suite of event worlds on the command line: training, tables, and their files."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from ..atomic import atomic_write
from ..errors import MediaError
from .screen import StageBars, console

if TYPE_CHECKING:
    from ..watch.suite import SuiteRun

SEEDS, SEEDS_THOROUGH = 2, 5
QUICK_STEPS = 40


def run_worlds(
    names: Sequence[str],
    memories: Sequence[str],
    *,
    seed: int,
    seeds: int,
    out: Path,
    workers: int,
    quick: bool,
) -> None:
    """Train memories in event worlds, print the tables, and write OUT/suite.json and OUT/suite.md.

    Args:
        names: Worlds, by name or by path.
        memories: Names of memories.
        seed: First seed.
        seeds: Number of seeds.
        out: Folder for the results.
        workers: Processes side by side.
        quick: Whether training and test are cut to seconds, to try the command.

    Raises:
        WorldError: A world does not exist or is invalid.
        MediaError: A file cannot be written.
    """
    from ..tv.events import load_event_world
    from ..watch.suite import SuiteSettings, run_suite

    worlds = {}
    for name in names:
        world = load_event_world(name)
        worlds[world.name] = world
    settings = SuiteSettings()
    if quick:
        plan = replace(settings.plan, steps=QUICK_STEPS)
        settings = replace(
            settings, plan=plan, streams=16, test_streams=4, test_events=512, longest_test=2048
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"cannot make {out}: {error.strerror or error}. Choose another folder.") from error
    began = time.perf_counter()
    total = len(worlds) * len(memories) * seeds
    with StageBars()(f"training {len(memories)} memories in {len(worlds)} worlds", total) as done:
        runs = run_suite(
            worlds,
            memories,
            range(seed, seed + seeds),
            out / "suite.json",
            settings=settings,
            workers=workers,
            report=lambda run, number, _: done(number, f"{run.world} {run.memory} {run.shortfall:.3f}"),
        )
    text = [*suite_lines(runs)]
    for name in dict.fromkeys(run.world for run in runs):
        text += ["", *gap_lines([run for run in runs if run.world == name])]
    try:
        with atomic_write(out / "suite.md") as file:
            file.write("\n".join(text) + "\n")
    except OSError as error:
        raise MediaError(f"cannot write {out / 'suite.md'}: {error.strerror or error}.") from error
    console.print(
        _shown("Shortfall from the ideal observer ± deviation, and steps to learn", suite_rows(runs))
    )
    if len(worlds) == 1:
        console.print(_shown("Shortfall by events since the last cue", gap_rows_of(runs)))
    seconds = time.perf_counter() - began
    console.print(f"{out}: suite.json, suite.md; {seconds:,.0f} s", markup=False, soft_wrap=True)


def suite_rows(runs: Sequence["SuiteRun"]) -> list[list[str]]:
    """Table of worlds in rows and memories in columns, the header first.

    Args:
        runs: Results.

    Returns:
        Cells: mean shortfall ± standard deviation over the seeds, and in brackets the median number of steps to learn,
        or a dash where a seed did not learn the world.
    """
    worlds, memories = (list(dict.fromkeys(getattr(run, key) for run in runs)) for key in ("world", "memory"))
    rows = [["world", *memories]]
    for world in worlds:
        found = [[run for run in runs if (run.world, run.memory) == (world, memory)] for memory in memories]
        cells = [f"{_with_spread([run.shortfall for run in of])} ({_learned(of)})" for of in found]
        rows.append([world, *cells])
    return rows


def gap_rows_of(runs: Sequence["SuiteRun"]) -> list[list[str]]:
    """Table of one world by gap, the header first: mean shortfalls of each memory, and of each of several facts.

    Args:
        runs: Results in one world.

    Returns:
        Cells.
    """
    from ..watch.suite import SUITE_GAPS

    kept = [bucket for bucket in range(len(SUITE_GAPS)) if any(run.counts[bucket] for run in runs)]
    rows = [["memory", *(f"{SUITE_GAPS[bucket][0]}-{SUITE_GAPS[bucket][1] - 1}" for bucket in kept)]]
    memories: Mapping[str, list[SuiteRun]] = {
        memory: [run for run in runs if run.memory == memory]
        for memory in dict.fromkeys(run.memory for run in runs)
    }
    for memory, found in memories.items():
        rows.append([memory, *(_mean([run.by_gap[bucket] for run in found]) for bucket in kept)])
        facts = len(found[0].by_fact)
        for fact in range(facts if facts > 1 else 0):
            values = (_mean([run.by_fact[fact][bucket] for run in found]) for bucket in kept)
            rows.append([f"{memory}, fact {fact + 1}", *values])
    return rows


def suite_lines(runs: Sequence["SuiteRun"]) -> list[str]:
    """`suite_rows` as a Markdown table."""
    return _markdown(suite_rows(runs))


def gap_lines(runs: Sequence["SuiteRun"]) -> list[str]:
    """`gap_rows_of` as a Markdown table under the world's name."""
    return [f"## {runs[0].world}", "", *_markdown(gap_rows_of(runs))]


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, ruler, *body)]


def _shown(title: str, rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _with_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation.

    Examples:
        >>> _with_spread([0.01, 0.03]), _with_spread([0.5])
        ('0.020 ± 0.014', '0.500')
    """
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):.3f}" if known else "-"


def _learned(runs: Sequence["SuiteRun"]) -> str:
    steps = [run.learned for run in runs]
    known = [step for step in steps if step is not None]
    return f"{statistics.median(known):.0f}" if known and len(known) == len(steps) else "-"
