"""wolfdog smooth: a memory, or another smoothing method, over the results of any classifier."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .screen import console

if TYPE_CHECKING:
    from ..watch.predictions import Predictions


def smooth(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Results: MegaDetector JSON, CSV, Parquet, .npy [time, classes], or a Camtrap DP package's folder."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="File for the smoothed results, in the same format; a folder for several files."),
    ],
    method: Annotated[
        str, typer.Option(help="Method of smoothing; 'wolfdog smooth --methods' lists them.")
    ] = "memory",
    ahead: Annotated[
        bool,
        typer.Option(
            "--lookahead", help="Also read later frames, for recordings; not every method has both forms."
        ),
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="Option of the method, as name=value: mode=mild, gap=120."),
    ] = None,
    timestamps: Annotated[
        Path | None,
        typer.Option(help="Table with the columns file and datetime, where the results hold no times."),
    ] = None,
    blank: Annotated[
        str | None,
        typer.Option(help="Class that says that nothing is there.", show_default="blank, empty, vide, ..."),
    ] = None,
    format: Annotated[  # noqa: A002 - the word that every tool has for it
        str | None,
        typer.Option(
            help="Format of the results: megadetector, csv, parquet, npy, camtrap-dp.",
            show_default="by suffix",
        ),
    ] = None,
    list_methods: Annotated[
        bool,
        typer.Option(
            "--methods",
            help="List the methods and stop.",
            is_eager=True,
            callback=lambda asked: _listed(asked),
        ),
    ] = False,
) -> None:
    """Give the results of any classifier a memory: each label takes into account what was seen before.

    Each file is written again in its own format, with the new labels beside the old ones; fields that smoothing does
    not know pass through. A deployment, one camera at one place, is a folder or what the file says; the memory begins
    anew with each. By default a label depends on earlier frames and its own; --lookahead reads later frames too.
    """
    from ..watch.formats import read_results
    from ..watch.formats.times_file import read_times
    from ..watch.smoothing.options import method_of

    chosen = method_of(method, option or [])
    targets = _targets(results, out)
    times = None if timestamps is None else read_times(timestamps)
    for path, target in zip(results, targets, strict=True):
        read = read_results(path, times=times, blank=blank, format=format)
        smoothed = chosen.smooth(read.predictions, ahead=ahead)
        read.write(smoothed, target)
        console.print(_told(smoothed, target), markup=False, soft_wrap=True)


def _targets(results: list[Path], out: Path) -> list[Path]:
    """The file to write for each file of results."""
    if len(results) == 1 and not out.is_dir():
        targets = [out]
    else:
        if out.suffix and not out.is_dir():
            raise InputError(f"{out}: several files of results need a folder to be written into.")
        out.mkdir(parents=True, exist_ok=True)
        targets = [out / path.name for path in results]
        for target in targets:
            if targets.count(target) > 1:
                raise InputError(f"{target}: two files of results have this name. Smooth them one by one.")
    for path, target in zip(results, targets, strict=True):
        if target.exists() and path.exists() and target.samefile(path):
            raise InputError(
                f"{target}: would replace the results that are read. Choose another name for --out."
            )
    return targets


def _told(smoothed: "Predictions", target: Path) -> str:
    before, after = smoothed.labels(), smoothed.labels(context=True)
    changed = int((before != after).sum())
    share = f" ({100 * changed / len(before):.1f} %)" if len(before) else ""
    deployments = len(smoothed.deployments())
    return (
        f"{target}: {len(before):,} rows of {deployments:,} deployment{'s' * (deployments != 1)}; "
        f"labels changed: {changed:,}{share}"
    )


def _listed(asked: bool) -> None:
    if not asked:
        return
    from ..watch.smoothing import METHODS

    for name, method in METHODS.items():
        forms = " and ".join(
            form for form, has in (("causal", method.causal), ("ahead", method.looks_ahead)) if has
        )
        first = (method.__doc__ or "").strip().partition("\n")[0]
        console.print(f"{name:15} {forms:16} {first}", markup=False, soft_wrap=True)
    raise typer.Exit
