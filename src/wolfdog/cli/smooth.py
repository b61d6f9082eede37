"""wolfdog smooth: a memory, or another smoothing method, over the results of any classifier."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Blank, MethodOptions, Timestamps
from .screen import console, tell
from .smoother import SmoothOptions, load_smoother

if TYPE_CHECKING:
    from ..object_storage.address import Stored
    from ..watch.jobs.remote_results import RemoteResults


def smooth(
    results: Annotated[
        list[str],
        typer.Argument(
            help="Results: MegaDetector JSON, CSV, Parquet, .npy [time, classes], a Camtrap DP package's folder, "
            "folders of such files, or addresses in object storage (s3://bucket/folder)."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            help="File for the smoothed results, in the same format; a folder for several files; or its address in "
            "object storage."
        ),
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
    option: MethodOptions = None,
    timestamps: Timestamps = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the pictures and videos: times are read from EXIF, where the results hold none."
        ),
    ] = None,
    blank: Blank = None,
    format: Annotated[  # noqa: A002 - the word that every tool has for it
        str | None,
        typer.Option(
            help="Format of the results: megadetector, csv, parquet, npy, camtrap-dp.",
            show_default="by suffix",
        ),
    ] = None,
    verified: Annotated[
        Path | None,
        typer.Option(
            help="Labels that people gave: a review queue filled in, or file,label (frame, detection), or spans. The "
            "memory takes them as certain and passes them on to the moments around."
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Calibration that wolfdog evaluate --calibrate wrote for this method."),
    ] = None,
    review: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Also write a queue of this share of the rows, those most worth a look first: NAME.review.csv.",
        ),
    ] = None,
    ask: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="With --calibration: share of wrong labels that may stand; less sure labels are marked 'ask'.",
        ),
    ] = 0.05,
    roll_up: Annotated[
        float | None,
        typer.Option(
            help="For SpeciesNet's taxonomy: labels less probable than this are said at the genus, family, ... that "
            "has the probability."
        ),
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option(
            help="Also write, beside --out: moments-csv, moments-parquet, events-csv, events-parquet, webvtt, srt, "
            "label-studio, camtrap-dp. May be given several times."
        ),
    ] = None,
    deployments: Annotated[
        Path | None,
        typer.Option(
            help="For --export camtrap-dp: table with the columns deployment, latitude and longitude."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that smooth files side by side; one for each core.")
    ] = 1,
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
    anew with each. Several files, or a folder of them, go into a folder: one that cannot be used is a line of its
    errors.csv, and the same command again goes on where it was stopped.

    By default a label depends on earlier frames and its own; --lookahead reads later frames too.
    """
    from ..watch.jobs.file_job import FileJob
    from ..watch.jobs.plan import identity_of

    options = SmoothOptions(
        method=method,
        ahead=ahead,
        option=tuple(option or ()),
        timestamps=timestamps,
        images=images,
        blank=blank,
        format=format,
        verified=verified,
        calibration=calibration,
        review=review,
        ask=ask,
        roll_up=roll_up,
        export=tuple(export or ()),
        deployments=deployments,
    )
    remote, pairs = _pairs(results, out)
    work = load_smoother(options)  # a mistake in the options is told before the work
    if len(pairs) == 1:
        _say(work(*pairs[0]))
        if remote is not None:
            remote.upload()
        return
    folder = Path(out) if remote is None else remote.folder
    job = FileJob(folder, identity_of(asdict(options)), pairs)
    loader = (lambda: work) if workers == 1 else partial(load_smoother, options)
    earlier, troubles = job.run(loader, workers=workers, told=_say)
    if earlier:
        console.print(f"{earlier:,} of {len(pairs):,} files were smoothed by an earlier run", markup=False)
    if remote is not None:
        remote.upload()
    for _, why in troubles:
        tell(why, style="red")
    if troubles:
        raise typer.Exit(1)


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _pairs(
    results: Sequence[str], out: str
) -> "tuple[RemoteResults | None, list[tuple[Path | Stored, Path]]]":
    """Place of the results in object storage, if they are to go there; each file to read with that to write."""
    from ..watch.jobs.remote_results import RemoteResults
    from ..watch.jobs.results_files import results_in

    remote = RemoteResults.at(out)
    folder = Path(out) if remote is None else remote.folder
    found = [one for source in results for one in results_in(source, folder)]
    alone = len(found) == 1 and not found[0].listed
    if alone and remote is not None and Path(out).suffix:
        parent, _, name = out.rstrip("/").rpartition("/")
        remote = RemoteResults.at(parent)
        assert remote is not None  # the address of a folder is one
        targets = [remote.folder / name]
    elif alone and remote is None and not folder.is_dir():
        targets = [folder]
    else:
        if remote is None and folder.suffix and not folder.is_dir():
            raise InputError(f"{out}: several files of results need a folder to be written into.")
        targets = [folder / one.name for one in found]
        for target, count in Counter(targets).items():
            if count > 1:
                raise InputError(f"{target}: two files of results have this name. Smooth them one by one.")
    if remote is not None or not alone or folder.is_dir():
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
    for one, target in zip(found, targets, strict=True):
        source = one.source
        if isinstance(source, Path) and target.exists() and source.exists() and target.samefile(source):
            raise InputError(
                f"{target}: would replace the results that are read. Choose another name for --out."
            )
    return remote, [(one.source, target) for one, target in zip(found, targets, strict=True)]


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
