"""Suite of event worlds on the command line: training, tables, and their files."""

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ..atomic import atomic_write
from ..errors import InputError, MediaError
from .screen import StageBars, console

if TYPE_CHECKING:
    from ..tv.events import EventWorld
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
        InputError: Two worlds have one name, or OUT has other results.
        WorldError: A world does not exist or is invalid.
        MediaError: A file cannot be written.
    """
    from ..watch.suite import SuiteSettings, read_runs, run_suite

    worlds = _worlds(names)
    settings = SuiteSettings()
    if quick:
        plan = replace(settings.plan, steps=QUICK_STEPS)
        settings = replace(
            settings, plan=plan, streams=16, test_streams=4, test_events=512, longest_test=2048
        )
    results, tables = out / "suite.json", out / "suite.md"
    _check_writable(out, results, tables)
    read_runs(results, settings, worlds)  # a file of other runs is refused before training is announced
    began = time.perf_counter()
    total = len(worlds) * len(memories) * seeds
    with StageBars()(f"training {len(memories)} memories in {len(worlds)} worlds", total) as done:
        runs = run_suite(
            worlds,
            memories,
            range(seed, seed + seeds),
            results,
            settings=settings,
            workers=workers,
            report=lambda run, number, _: done(number, f"{run.world} {run.memory} {run.shortfall:.3f}"),
        )
    known = [*runs, *(run for run in read_runs(results, settings).values() if run not in runs)]
    text = [*suite_lines(known)]
    for name in dict.fromkeys(run.world for run in known):
        text += ["", *gap_lines([run for run in known if run.world == name])]
    try:
        with atomic_write(tables) as file:
            file.write("\n".join(text) + "\n")
    except OSError as error:
        raise MediaError(f"cannot write {tables}: {error.strerror or error}.") from error
    console.print(
        _shown("Shortfall from the ideal observer ± deviation, and steps to learn", suite_rows(runs))
    )
    if len(worlds) == 1:
        console.print(_shown("Shortfall by events since the last cue", gap_rows_of(runs)))
    seconds = time.perf_counter() - began
    console.print(f"{out}: suite.json, suite.md; {seconds:,.0f} s", markup=False, soft_wrap=True)


def _worlds(names: Sequence[str]) -> dict[str, "EventWorld"]:
    """Worlds by their names.

    Raises:
        InputError: Two worlds have one name.
        WorldError: A world does not exist or is invalid.
    """
    from ..tv.events import load_event_world

    worlds: dict[str, EventWorld] = {}
    for name in names:
        world = load_event_world(name)
        if world.name in worlds:
            raise InputError(
                f"--world: the world {world.name!r} occurs twice; name each world once, and give each file a name of "
                "its own."
            )
        worlds[world.name] = world
    return worlds


def _check_writable(out: Path, *files: Path) -> None:
    """Make a folder if there is none, and check before any training that files can be written into it.

    Raises:
        MediaError: They cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise MediaError(
            f"cannot write into {out}: {error.strerror or error}. Choose another folder."
        ) from error
    for file in files:
        if file.exists() and not file.is_file():
            raise MediaError(f"{file}: expected a file, got a folder or a device. Choose another folder.")


def suite_rows(runs: Sequence["SuiteRun"]) -> list[list[str]]:
    """Table of worlds in rows and memories in columns, the header first.

    Args:
        runs: Results.

    Returns:
        Cells: mean shortfall ± standard deviation over the seeds, and in brackets the median number of steps to learn,
        or a dash where a seed did not learn the world. A cell without runs is empty.
    """
    worlds, memories = (list(dict.fromkeys(getattr(run, key) for run in runs)) for key in ("world", "memory"))
    rows = [["world", *memories]]
    for world in worlds:
        found = [[run for run in runs if (run.world, run.memory) == (world, memory)] for memory in memories]
        cells = [
            f"{_with_spread([run.shortfall for run in of])} ({_learned(of)})" if of else "" for of in found
        ]
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
    return [f"## {_escaped(runs[0].world)}", "", *_markdown(gap_rows_of(runs))]


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    ruler = ["---", *["---:"] * (len(head) - 1)]
    cells = [[_escaped(cell) for cell in row] for row in (head, *body)]
    return [f"| {' | '.join(row)} |" for row in (cells[0], ruler, *cells[1:])]


def _escaped(text: str) -> str:
    """Text in Markdown, as it stands.

    Examples:
        >>> print(_escaped("a|b [v2] of facts-2"))
        a\\|b \\[v2\\] of facts-2
    """
    return re.sub(r"[\\`*_\[\]<>|&~#]", r"\\\g<0>", text)


def _shown(title: str, rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
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
