"""Terminal output: progress bars, lines and tables."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment

from ..watch.progress import Done

if TYPE_CHECKING:
    from ..watch.data.labelled_media import LabelledMedia
    from ..watch.data.span_fit import Misfit

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of writing."""


def printable(text: str) -> str:
    r"""Text without characters that steer a terminal, which are written as `\xNN` or `\uNNNN`.

    A name of a file or of a class may hold escape sequences that change what a terminal shows or does.

    Args:
        text: The text.

    Returns:
        The text.

    Examples:
        >>> print(printable("a\x1b[31m.mp4"))
        a\x1b[31m.mp4
    """
    return _UNSAFE.sub(lambda match: _escaped(ord(match[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class _SafeConsole(Console):
    """Console through which no text reaches the terminal unchecked; rich's own control codes pass."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control is None and _UNSAFE.search(segment.text):
                yield Segment(printable(segment.text), segment.style)
            else:
                yield segment


console = _SafeConsole(highlight=False, emoji=False)
complaints = _SafeConsole(stderr=True, highlight=False, emoji=False)


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


def tell(message: str, *, style: str | None = None) -> None:
    """Print a message on standard error, on one line."""
    complaints.print(f"wolfdog: {' '.join(message.split())}", style=style, markup=False, soft_wrap=True)


def tell_of_labels(found: "LabelledMedia") -> None:
    """Say which labels have no video, and which do not fit theirs."""
    from ..watch.data.labelled_media import some

    if found.missing and found.source.is_dir():
        tell(
            f"{found.file} names videos that are not in {found.source}, and are left out: {some(found.missing)}"
        )
    for warning in found.warnings:
        tell(warning)


def tell_of_reading(
    found: "LabelledMedia", troubles: Sequence[str], misfits: Sequence["Misfit"], *, strict: bool
) -> None:
    """Say which videos could not be read to their end, all at once, and which labels cover no frame.

    Raises:
        MediaError: With `strict`, if there are such videos.
        LabelsError: More than half of the labels cover no frame.
    """
    from ..errors import MediaError
    from ..watch.data.span_fit import judge_misfits

    if troubles and strict:
        raise MediaError(
            f"{len(troubles)} of {len(found.media)} videos cannot be read to the end (--strict): {' '.join(troubles)}"
        )
    for trouble in troubles:
        tell(trouble, style="red")
    if troubles:
        tell(
            f"{len(troubles)} of {len(found.media)} videos cannot be read to the end; what can be decoded of them is "
            "used. --strict stops instead."
        )
    told = {(misfit.media, misfit.span) for misfit in found.misfits}
    others = [misfit for misfit in misfits if (misfit.media, misfit.span) not in told]
    warning = judge_misfits(found.file, others, found.spans)
    if warning is not None:
        tell(warning)


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
