"""Progress of a job on the terminal, with the time that is left."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from ..watch.jobs.earlier_files import LeftOut, counted, first_places
from ..watch.jobs.plan import Deployment
from ..watch.jobs.time_left import TimeLeft
from .screen import complaints, console

_LINE_PERIOD = 10.0
"""Seconds between two lines of progress in a log file."""


class JobDisplay:
    """Display of a job: a bar on a terminal, a line now and then in a log file; troubles as they come.

    Args:
        workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self._left = TimeLeft(workers)
        self._total = self._done = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last = 0.0
        self._seen: set[str] = set()
        self._places: dict[str, dict[str, int]] = {}
        self._begun: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def begin(self, todo: Sequence[Deployment], done: int, leaving: LeftOut) -> None:
        """Show how much there is to do.

        Args:
            todo: Deployments to label.
            done: Files that an earlier run had labelled.
            leaving: Files of an earlier run that will be in the tables no more.
        """
        for line in leaving_lines(leaving):
            console.print(line, markup=False, soft_wrap=True)
        self._left.add(todo)
        self._total = sum(len(one.media) for one in todo)
        if done:
            earlier = "1 file was" if done == 1 else f"{done:,} files were"
            left = "1 is" if self._total == 1 else f"{self._total:,} are"
            console.print(f"{earlier} labelled by an earlier run; {left} left", markup=False)
        if not todo:
            return
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(finished_text="[green]✓[/]"),
                BarColumn(bar_width=16),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f} files"),
                TextColumn("[bold]{task.fields[left]}[/]"),
                TextColumn("[dim]{task.fields[note]}[/]", markup=True),
                console=console,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total, left="", note="")
        self._last = time.monotonic()

    def running(self, medium: str, part: float, deployment: Deployment) -> None:
        """Show the file that is being labelled.

        Args:
            medium: Its name.
            part: Part of it that is done.
            deployment: Its deployment.
        """
        if deployment.key in self._seen:
            return
        places = self._places.setdefault(
            deployment.key, {one.name: number for number, one in enumerate(deployment.media)}
        )
        files = places.get(medium, 0) + part
        self._begun[deployment.key] = files
        self._left.running(deployment, files / max(1, len(places)), time.monotonic())
        note = f"{medium} {100 * part:.0f} %" if 0 < part < 1 else medium
        self._show(note)

    def labelled(self, deployment: Deployment, seconds: float, troubles: Sequence[tuple[str, str]]) -> None:
        """Show that a deployment is labelled, and its troubles.

        Args:
            deployment: The deployment.
            seconds: Seconds that it took.
            troubles: Name and reason of each file that could not be read to its end.
        """
        if deployment.key in self._seen:  # once more, since a process died before it was committed
            return
        self._seen.add(deployment.key)
        for _, why in troubles:
            complaints.print(f"wolfdog: {why}", style="red", markup=False, soft_wrap=True)
        self._left.done(deployment, seconds)
        self._places.pop(deployment.key, None)
        self._begun.pop(deployment.key, None)
        self._done += len(deployment.media)
        self._show()

    def _show(self, note: str | None = None) -> None:
        """Show the number of files and the time left, and perhaps the name of a file."""
        done = self._done + int(sum(self._begun.values()))
        left = self._left.seconds()
        text = "" if left is None or done == self._total else f"{duration(left)} left"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, left=text)
            if note is not None:
                from rich.markup import escape

                self._bar.update(self._task, note=escape(note[-60:]))
        elif time.monotonic() - self._last > _LINE_PERIOD:
            self._last = time.monotonic()
            console.print(f"{done:,} of {self._total:,} files" + (f", {text}" if text else ""), markup=False)


def leaving_lines(leaving: LeftOut) -> list[str]:
    """Lines about files of an earlier run that will be in the tables no more.

    Args:
        leaving: The files.

    Returns:
        The lines.

    Examples:
        >>> from wolfdog.watch.jobs.earlier_files import EarlierFile
        >>> leaving_lines(LeftOut([EarlierFile("", "a.mp4", "/card/a.mp4")], []))
        ['1 file of an earlier run is gone, and its rows leave the tables: /card/a.mp4']
    """
    lines = []
    for files, how in ((leaving.gone, "gone"), (leaving.unnamed, "not named now")):
        if files:
            few = len(files) == 1
            lines.append(
                f"{counted(files)} of an earlier run {'is' if few else 'are'} {how}, and {'its' if few else 'their'} "
                f"rows leave the tables: {first_places(files)}"
            )
    return lines


def duration(seconds: float) -> str:
    """Length of time in its two largest units.

    Args:
        seconds: The length.

    Returns:
        The text.

    Examples:
        >>> duration(42), duration(600), duration(7300), duration(200_000)
        ('42 s', '10 min', '2 h 2 min', '2 d 7 h')
    """
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
