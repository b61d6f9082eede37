"""What the terminal shows: progress while something is under way, tables and lines when it is done."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..watch.stages import Done

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


class StageBars:
    """One line with a bar for each stage of some long work; `total` says how many stages there will be, if known."""

    def __init__(self, total: int | None = None) -> None:
        self._total = total
        self._number = 0

    @contextmanager
    def __call__(self, title: str, total: float) -> Iterator[Done]:
        self._number += 1
        of = "" if self._total is None else f"/{self._total}"
        with Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn(f"[bold]{self._number}{of}[/] {title}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
            console=console,
        ) as progress:
            task = progress.add_task("", total=total, note="")
            yield lambda amount, note: progress.update(task, completed=amount, note=note)
            progress.update(task, completed=total)


def percent(value: float | None) -> str:
    """A share as a table shows it.

    >>> percent(0.98765), percent(None)
    ('98.8', '-')
    """
    return "-" if value is None else f"{100 * value:.1f}"
