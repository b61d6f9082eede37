"""wolfdog labels: checks of labels files, and splits of labelled videos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import LABELS, MERGE, check_seed
from .screen import console

if TYPE_CHECKING:
    from rich.table import Table

    from ..watch.data.label_check import LabelReport

MOST_SITES = 8
"""Largest number of sites with a column of their own."""

Videos = Annotated[Path, typer.Argument(help="Folder of videos and images.", show_default=False)]
File = Annotated[Path | None, typer.Option(help=LABELS, show_default="labels.csv in the folder")]
Merge = Annotated[bool, typer.Option("--merge-spellings", help=MERGE)]


def check(
    videos: Videos,
    labels: File = None,
    merge_spellings: Merge = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture of the labels over the videos.", show_default="coverage.png"),
    ] = None,
) -> None:
    """Report all that is wrong with a labels file at once, count its classes by site, and draw its coverage.

    No picture is decoded. The exit status is 1 where something is wrong.
    """
    from ..watch.data.label_check import check_labels
    from ..watch.output.label_coverage import draw_coverage

    report = check_labels(videos, labels, merge_spellings=merge_spellings)
    console.print(_amounts(report))
    for note in report.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for problem in report.problems:
        console.print(f"problem: {problem}", style="red", markup=False, soft_wrap=True)
    picture = Path("coverage.png") if out is None else out
    try:
        draw_coverage(
            report.labels,
            report.lengths,
            report.unlabelled,
            picture,
            title=f"{report.file.name} on {videos.name}",
        )
    except ValueError as error:
        raise InputError(
            f"--out: expected the name of a picture (.png, .svg, .pdf), got {picture}."
        ) from error
    files, spans = len(report.labels), sum(map(len, report.labels.values()))
    console.print(
        f"{report.file}: {spans:,} labels of {len(report.labels.classes)} classes in {files:,} files; "
        f"{len(report.problems)} problems; {picture}",
        markup=False,
        soft_wrap=True,
    )
    if report.problems:
        raise typer.Exit(1)


def split(
    videos: Videos,
    out: Annotated[Path, typer.Option(help="Table of the labels, with a column split.")],
    labels: File = None,
    merge_spellings: Merge = False,
    shares: Annotated[
        str,
        typer.Option(help="Names of the splits with their shares, as train=0.7,validation=0.15,test=0.15."),
    ] = "train=0.75,test=0.25",
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Of the choice among sites that are alike.")
    ] = 0,
) -> None:
    """Split labelled videos by site or camera, with a share of every class in each split.

    The site of a video is the column site (or deployment, location, camera) of its labels, or else its folder. `wolfdog
    train --split train` and `wolfdog evaluate --split test` read the column.
    """
    from ..labels import LabelTable, read_labels, split_by_site, write_labels
    from ..watch.data.label_check import labels_file_in
    from ..watch.data.labelled_media import check_leaks, find_labelled_media

    file = labels_file_in(videos) if labels is None else labels
    table = read_labels(file, merge_spellings=merge_spellings)
    found = find_labelled_media(videos, LabelTable(table.spans, sites=table.sites), file)
    splits = split_by_site(found.labels, _shares(shares), seed=seed)
    made = LabelTable(found.labels.spans, sites=found.labels.sites, splits=splits)
    check_leaks(made, {medium.name: medium for medium in found.media}, file)
    write_labels(out, made)
    for name in _shares(shares):
        chosen = found.labels.only({one: one for one, part in splits.items() if part == name})
        sites = len({chosen.site(one) for one in chosen})
        console.print(
            f"{name}: {len(chosen)} files of {sites} sites; {', '.join(chosen.classes)}",
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{out}: with a column split", markup=False, soft_wrap=True)


def _shares(text: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise InputError(
                f"--shares: expected name=share, as train=0.75,test=0.25; got {part!r}."
            ) from None
    return shares


def _amounts(report: "LabelReport") -> "Table":
    """Files, labels and seconds of each class, and its seconds (or else files) at each site."""
    from rich.table import Table

    sites = sorted({site for by_site in report.amounts.values() for site in by_site})
    columns = sites if len(sites) <= MOST_SITES else []
    table = Table(title=f"{report.file.name}: labelled seconds (files, of whole files) by class and site")
    for name in ("class", "files", "labels", "sites", "seconds", *columns):
        table.add_column(name, justify="left" if name == "class" else "right")
    for label, by_site in report.amounts.items():
        amounts = by_site.values()
        table.add_row(
            label,
            f"{sum(amount.files for amount in amounts):,}",
            f"{sum(amount.spans for amount in amounts):,}",
            f"{len(by_site):,}",
            f"{sum(amount.seconds for amount in amounts):,.1f}",
            *(
                _cell(by_site[site].seconds, by_site[site].files) if site in by_site else ""
                for site in columns
            ),
        )
    return table


def _cell(seconds: float, files: int) -> str:
    return f"{seconds:,.1f}" if seconds else f"{files:,} files"
