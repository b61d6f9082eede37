"""wolfdog explain: the past moments that made a label."""

import csv
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Blank, MethodOptions, Timestamps
from .screen import console

if TYPE_CHECKING:
    from ..watch.explanation.leave_one_out import Run
    from ..watch.predictions import Predictions
    from ..watch.smoothing import Method
    from ..watch.smoothing.method import Stream


class By(StrEnum):
    """Unit of the past that is left out at a time."""

    RUN = "run"
    FRAME = "frame"
    NEAREST = "nearest"


def explain(
    results: Annotated[
        Path, typer.Argument(help="Results of a classifier, or predictions: any file that smooth reads.")
    ],
    at: Annotated[
        str | None,
        typer.Option(
            help="Time of the moment: 12:34, 1:02:03, seconds, or a date and time where they are known."
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="Its video or image, where the results are of several.")
    ] = None,
    deployment: Annotated[
        str | None, typer.Option(help="Its deployment, where the results are of several.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="Method that gives the label: those of smooth, or world-memory.")
    ] = "memory",
    ahead: Annotated[
        bool, typer.Option("--lookahead", help="Explain the form that reads later frames.")
    ] = False,
    option: MethodOptions = None,
    by: Annotated[
        By,
        typer.Option(
            help="What is left out at a time: run: frames in a row of one snapshot label; frame: single frames; "
            "nearest: each run, after all that is farther away in time."
        ),
    ] = By.NEAREST,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Estimate by one gradient; for recurrent memories, frame by frame."),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Rows of the table.")] = 10,
    timestamps: Timestamps = None,
    blank: Blank = None,
    out: Annotated[Path | None, typer.Option(help="Also write all rows to this CSV file.")] = None,
) -> None:
    """Show which past moments made a context label, each by leaving it out and running the memory again.

    A contribution is the change of the label's log odds: above 0 where the moment speaks for the label. Where several
    moments say the same, the nearest one counts, and the others for what they add.
    """
    from ..watch.explanation.moment import find_moment, time_text
    from ..watch.formats import read_results
    from ..watch.formats.times_file import read_times
    from ..watch.labelling.methods import load_method
    from ..watch.smoothing.method import Stream

    times = None if timestamps is None else read_times(timestamps)
    table = read_results(results, times=times, blank=blank).predictions
    chosen = load_method(method, table.classes, options=option or [], ahead=ahead)
    part, frame = find_moment(table, at=at, media=file, deployment=deployment)
    stream = Stream(part)
    context = chosen.of_stream(stream, ahead=ahead)
    q = stream.mean_of_frames(context / context.sum(-1, keepdims=True))[frame]
    label = int(q.argmax())
    snapshot = stream.of_frames[frame]
    row = int(stream.first[frame])
    place, time = part.media[row] or part.deployment[row], time_text(float(part.time[row]), part.utc)
    console.print(
        f"{f'{place} {time}'.strip()}: "
        f"context {part.classes[label]} {q[label]:.2f}, "
        f"snapshot {part.classes[int(snapshot.argmax())]} {snapshot.max():.2f}",
        markup=False,
        soft_wrap=True,
    )
    runs = _runs(chosen, stream, frame, label, by, quick, ahead)
    runs.sort(key=lambda run: -abs(run.contribution))
    _tell(part, stream, runs[:top], part.classes[label])
    if out is not None:
        _write(out, part, stream, runs)


def _runs(
    method: "Method", stream: "Stream", frame: int, label: int, by: By, quick: bool, ahead: bool
) -> list["Run"]:
    from ..watch.explanation.gradients import gradient_contributions
    from ..watch.explanation.leave_one_out import Run, leave_one_out, leave_runs_out, nearest_first

    if by is not By.FRAME and not quick:
        by_runs = nearest_first if by is By.NEAREST else leave_runs_out
        return by_runs(method, stream, frame, label=label, ahead=ahead)
    found = (gradient_contributions if quick else leave_one_out)(
        method, stream, frame, label=label, ahead=ahead
    )
    snapshot = stream.of_frames.argmax(-1)
    last = len(found) if ahead else frame
    return [Run(s, s, int(snapshot[s]), float(found[s])) for s in range(last) if s != frame]


def _tell(table: "Predictions", stream: "Stream", runs: list["Run"], label: str) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from ..watch.explanation.moment import time_text

    if not runs:
        raise InputError("no other moment takes part in this label: it is the first of its deployment.")
    shown = Table(
        box=box.SIMPLE_HEAD, title=f"for {escape(label)}, in nats of log odds", title_justify="left"
    )
    shown.add_column("time", no_wrap=True)
    shown.add_column("file", overflow="fold")
    shown.add_column("snapshot label", overflow="fold")
    shown.add_column("frames", justify="right")
    shown.add_column("contribution", justify="right")
    for run in runs:
        first, last = stream.first[run.first], stream.first[run.last]
        start, end = (time_text(float(table.time[row]), table.utc) for row in (first, last))
        shown.add_row(
            start if start == end else f"{start} - {end}",
            escape(str(table.media[first])),
            escape(table.classes[run.label]),
            f"{run.last - run.first + 1:,}",
            f"{run.contribution:+.2f}",
        )
    console.print(shown)


def _write(path: Path, table: "Predictions", stream: "Stream", runs: list["Run"]) -> None:
    from ..atomic import atomic_write
    from ..watch.explanation.moment import time_text

    with atomic_write(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", "last_time", "deployment", "file", "snapshot", "frames", "contribution"])
        for run in runs:
            rows = stream.first[run.first], stream.first[run.last]
            ends = [time_text(float(table.time[row]), table.utc) for row in rows]
            place = [table.deployment[rows[0]], table.media[rows[0]], table.classes[run.label]]
            writer.writerow([*ends, *place, run.last - run.first + 1, f"{run.contribution:.6f}"])
