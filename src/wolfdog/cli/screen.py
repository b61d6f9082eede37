"""Terminal output: progress bars, lines and tables."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ..watch.progress import Done

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


class StageBars:
    """Terminal display with a line for each stage of a long computation.

    Args:
        total: Number of stages, if it is known.
    """

    def __init__(self, total: int | None = None) -> None:
        self._total = total
        self._number = 0

    @contextmanager
    def __call__(self, title: str, total: float) -> Iterator[Done]:
        self._number += 1
        place = f"{self._number}" if self._total is None else f"{self._number}/{self._total}"
        show = _bar if console.is_terminal else _lines
        with show(place, title, total) as done:
            yield done


@contextmanager
def _bar(place: str, title: str, total: float) -> Iterator[Done]:
    """Progress bar with the remaining time; when it is full, with the time taken."""
    with Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("[bold]{task.fields[place]}[/] {task.description}"),  # a title may hold braces
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[note]}[/]"),
        console=console,
    ) as progress:
        task = progress.add_task(escape(title), total=total, place=place, note="")
        yield lambda amount, note: progress.update(task, completed=amount, note=escape(note))
        progress.update(task, completed=total)


@contextmanager
def _lines(place: str, title: str, total: float) -> Iterator[Done]:
    """One line at the beginning of a stage and one at its end, for a log file."""
    console.print(f"{place} {title} ...", markup=False, soft_wrap=True)
    began = time.perf_counter()
    last = ""

    def done(amount: float, note: str) -> None:
        nonlocal last
        last = note

    yield done
    seconds = time.perf_counter() - began
    console.print(
        f"{place} {title}: {seconds:.1f} s{', ' if last else ''}{last}", markup=False, soft_wrap=True
    )


def tell_of_missing(labels: Path, names: Mapping[str, object], found: Sequence[Path], videos: Path) -> None:
    """Report videos that a labels file names and the folder lacks; they are neither trained on nor evaluated.

    Args:
        labels: The labels file.
        names: Names of the labelled videos.
        found: Video files that exist.
        videos: The folder.
    """
    from ..watch.data.labelled_video import not_there

    missing = not_there(names, found, videos) if videos.is_dir() else ""
    if missing:
        complaints.print(
            f"{labels} names videos that are not in {videos}, and are left out: {missing}",
            markup=False,
            soft_wrap=True,
        )


def percent(value: float | None) -> str:
    """Share in per cent, as tables show it.

    Args:
        value: The share; None if it is not known.

    Returns:
        The text.

    Examples:
        >>> percent(0.98765), percent(None)
        ('98.8', '-')
    """
    return "-" if value is None else f"{100 * value:.1f}"
