"""wolfdog smooth: a memory, or another smoothing method, over the results of any classifier."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Blank, MethodOptions, Timestamps
from .screen import console, tell

if TYPE_CHECKING:
    from ..watch.formats.verified_labels import VerifiedLabels
    from ..watch.predictions import Predictions
    from ..watch.review.calibration import Threshold
    from ..watch.smoothing import Method


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
    anew with each. Several files go into a folder: one that cannot be used is a line of its errors.csv, and the same
    command again goes on where it was stopped.

    By default a label depends on earlier frames and its own; --lookahead reads later frames too.
    """
    from ..watch.export.camtrap_places import read_places
    from ..watch.export.exports import check_names, export_results
    from ..watch.formats import read_results
    from ..watch.formats.taxonomy_tables import passed_down, rolled_up
    from ..watch.formats.verified_labels import read_verified
    from ..watch.review.calibration_file import load_calibration
    from ..watch.smoothing.options import method_of

    chosen = method_of(method, option or [])
    targets = _targets(results, out)
    check_names(export or [])
    if deployments is None and "camtrap-dp" in (export or []):
        raise InputError("--export camtrap-dp: the standard wants places. Give --deployments as well.")
    times = _times(timestamps, images)
    places = None if deployments is None else read_places(deployments)
    answers = None if verified is None else read_verified(verified)
    calibrated = None if calibration is None else load_calibration(calibration)
    if calibrated is not None:
        calibrated.threshold(ask)  # told before the work, where it is below what was measured
    threshold = None if calibrated is None else calibrated.threshold(ask)

    def smooth_one(path: Path, target: Path) -> None:
        read = read_results(path, times=times, blank=blank, format=format)
        table = read.predictions if roll_up is None else passed_down(read.predictions)
        smoothed = _smoothed(chosen, table, answers, ahead)
        if calibrated is not None:
            smoothed = calibrated.apply(smoothed)
        remembered = smoothed
        if roll_up is not None:
            original = replace(
                smoothed, probabilities=read.predictions.probabilities, spread=read.predictions.spread
            )
            smoothed = rolled_up(original, roll_up)
        read.write(smoothed, target)
        console.print(_told(smoothed, target), markup=False, soft_wrap=True)
        for written in export_results(smoothed, target.with_suffix(""), export or [], places=places):
            console.print(f"{written}", markup=False, soft_wrap=True)
        if threshold is not None:
            console.print(_told_of_threshold(remembered, threshold), markup=False, soft_wrap=True)
        if review is not None:
            queue = target.with_name(f"{target.stem}.review.csv")
            console.print(
                _write_queue(queue, chosen, remembered, review, threshold, ahead),
                markup=False,
                soft_wrap=True,
            )

    if len(results) == 1:
        smooth_one(results[0], targets[0])
        return
    from ..watch.jobs.file_job import FileJob
    from ..watch.jobs.plan import identity_of

    named = {
        "method": method, "ahead": ahead, "option": option, "timestamps": timestamps, "images": images, "blank": blank,
        "format": format, "verified": verified, "calibration": calibration, "review": review, "ask": ask,
        "roll_up": roll_up, "export": export, "deployments": deployments,
    }  # fmt: skip
    job = FileJob(out, identity_of(named), list(zip(results, targets, strict=True)))
    earlier, troubles = job.run(smooth_one)
    if earlier:
        console.print(f"{earlier:,} of {len(results):,} files were smoothed by an earlier run", markup=False)
    for _, why in troubles:
        tell(why, style="red")
    if troubles:
        raise typer.Exit(1)


def _times(timestamps: Path | None, images: Path | None) -> dict[str, float] | None:
    """Times by file: of the table, else of the files themselves."""
    from ..watch.formats.times_file import read_times
    from ..watch.video.file_times import file_times

    if timestamps is None and images is None:
        return None
    found = {} if images is None else file_times(images)
    return found if timestamps is None else found | read_times(timestamps)


def _smoothed(
    method: "Method", table: "Predictions", answers: "VerifiedLabels | None", ahead: bool
) -> "Predictions":
    """Context probabilities, given what people said."""
    from ..watch.review.answers import answers_of, smooth_with_answers

    if answers is None:
        return method.smooth(table, ahead=ahead)
    known = answers_of(table, answers.of(table))
    if not (known >= 0).any():
        raise InputError(
            "--verified: it names none of the rows of these results. Check the names of the files."
        )
    return smooth_with_answers(method, table, known, ahead=ahead)


def _write_queue(
    path: Path,
    method: "Method",
    smoothed: "Predictions",
    share: float,
    threshold: "Threshold | None",
    ahead: bool,
) -> str:
    from ..watch.review.expected_gain import review_queue
    from ..watch.review.queue_file import write_queue

    count = round(share * len(smoothed))
    rows, gains = review_queue(method, smoothed, count=count, ahead=ahead)
    write_queue(path, smoothed, rows, gains, threshold=None if threshold is None else threshold.confidence)
    return (
        f"{path}: {len(rows):,} rows to look at; labels expected to become right: {gains.sum():,.1f}. Fill in the "
        "column label and give the file to --verified."
    )


def _told_of_threshold(smoothed: "Predictions", threshold: "Threshold") -> str:
    assert smoothed.context is not None
    asked = int((smoothed.context.max(1) < threshold.confidence).sum())
    if not threshold.coverage:
        return (
            f"ask a person about every label: on the held-back labels none were so sure that at most "
            f"{100 * threshold.error:g} % were wrong"
        )
    share = f" ({100 * asked / len(smoothed):.1f} %)" if len(smoothed) else ""
    return (
        f"ask a person below {threshold.confidence:.3f}: {asked:,} rows{share}; on the held-back labels, of the others "
        f"at most {100 * threshold.error:g} % were wrong, and they were {100 * threshold.coverage:.1f} %"
    )


def _targets(results: list[Path], out: Path) -> list[Path]:
    """File to write for each file of results."""
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
