"""wolfdog report: the results of a folder as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from .screen import console


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder that wolfdog watch or wolfdog smooth wrote, or one file of smoothed results.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File for the page.", show_default="report.html in the folder")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Title of the page.", show_default="name of the folder")
    ] = None,
    thumbnails: Annotated[
        int,
        typer.Option(min=0, max=5000, help="Most frames that are shown as pictures; each takes 5 to 15 kB."),
    ] = 60,
    media: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of the videos and images, for thumbnails; may be given several times.",
            show_default="the folder, the one around it, and the current one",
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write one HTML page of the results: totals, activity, timelines, events, and a review of the labels.

    The page is one file that needs no network. It begins with the moments at which the snapshot and the context label
    disagree; labels are accepted and corrected by keyboard, and downloaded as a table that `wolfdog smooth --verified`
    and `wolfdog train --labels` read.
    """
    from ..watch.report.page import write_report

    if out is None:
        out = folder / "report.html" if folder.is_dir() else folder.with_name(f"{folder.stem}.report.html")
    written = write_report(folder, out, title=title, thumbnails=thumbnails, media=media or [])
    size = out.stat().st_size
    console.print(
        f"{out}: {written.events:,} events, {written.disagreements:,} disagreements, "
        f"{written.thumbnails:,} thumbnails; {size / 1e6:.1f} MB",
        markup=False,
        soft_wrap=True,
    )
    if written.missing and thumbnails:
        console.print(
            f"{written.missing:,} videos and images were not found for thumbnails: name their folder with --media.",
            markup=False,
            soft_wrap=True,
        )
    if open_page:
        import webbrowser

        webbrowser.open(out.resolve().as_uri())
