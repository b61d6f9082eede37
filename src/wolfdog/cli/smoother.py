"""Smoothing of one file of results, with the options of wolfdog smooth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..object_storage.address import Stored
    from ..watch.formats.verified_labels import VerifiedLabels
    from ..watch.predictions import Predictions
    from ..watch.review.calibration import Threshold
    from ..watch.smoothing import Method


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothOptions:
    """Options of wolfdog smooth that its results depend on, as they are on the command line.

    Args:
        method: Name of the method.
        ahead: Whether later frames are read.
        option: Options of the method.
        timestamps: Table of times.
        images: Folder of the pictures.
        blank: Class of empty pictures.
        format: Format of the results.
        verified: Labels that people gave.
        calibration: Calibration of the method.
        review: Share of the rows that go into a queue.
        ask: Share of wrong labels that may stand.
        roll_up: Probability below which a label is said at a higher rank.
        export: Further formats.
        deployments: Table of places.
    """

    method: str
    ahead: bool = False
    option: tuple[str, ...] = ()
    timestamps: Path | None = None
    images: Path | None = None
    blank: str | None = None
    format: str | None = None
    verified: Path | None = None
    calibration: Path | None = None
    review: float | None = None
    ask: float = 0.05
    roll_up: float | None = None
    export: tuple[str, ...] = ()
    deployments: Path | None = None


def load_smoother(options: SmoothOptions) -> "Callable[[Path | Stored, Path], Sequence[str]]":
    """Function that smooths one file of results, writes another one, and returns lines about it.

    Args:
        options: The options.

    Returns:
        The function.

    Raises:
        InputError: An option is invalid, or a file that it names.
        OSError: A file cannot be read.
    """
    from ..object_storage.fetching import local_copy
    from ..watch.export.camtrap_places import read_places
    from ..watch.export.exports import check_names, export_results
    from ..watch.formats import read_results
    from ..watch.formats.taxonomy_tables import passed_down, rolled_up
    from ..watch.formats.verified_labels import read_verified
    from ..watch.review.calibration_file import load_calibration
    from ..watch.smoothing.options import method_of

    chosen = method_of(options.method, options.option)
    check_names(list(options.export))
    if options.deployments is None and "camtrap-dp" in options.export:
        raise InputError("--export camtrap-dp: the standard wants places. Give --deployments as well.")
    times = _times(options.timestamps, options.images)
    places = None if options.deployments is None else read_places(options.deployments)
    answers = None if options.verified is None else read_verified(options.verified)
    calibrated = None if options.calibration is None else load_calibration(options.calibration)
    threshold = None if calibrated is None else calibrated.threshold(options.ask)

    def smooth_one(path: Path, target: Path) -> list[str]:
        read = read_results(path, times=times, blank=options.blank, format=options.format)
        table = read.predictions if options.roll_up is None else passed_down(read.predictions)
        smoothed = _smoothed(chosen, table, answers, options.ahead)
        if calibrated is not None:
            smoothed = calibrated.apply(smoothed)
        remembered = smoothed
        if options.roll_up is not None:
            original = replace(
                smoothed, probabilities=read.predictions.probabilities, spread=read.predictions.spread
            )
            smoothed = rolled_up(original, options.roll_up)
        read.write(smoothed, target)
        lines = [_told(smoothed, target)]
        exported = export_results(smoothed, target.with_suffix(""), list(options.export), places=places)
        lines += [str(written) for written in exported]
        if threshold is not None:
            lines.append(_told_of_threshold(remembered, threshold))
        if options.review is not None:
            queue = target.with_name(f"{target.stem}.review.csv")
            lines.append(_write_queue(queue, chosen, remembered, options.review, threshold, options.ahead))
        return lines

    def smooth_source(source: "Path | Stored", target: Path) -> list[str]:
        if isinstance(source, Path):
            return smooth_one(source, target)
        with local_copy(source.path, source) as path:
            try:
                return smooth_one(path, target)
            except InputError as error:
                raise InputError(str(error).replace(str(path), source.address)) from error

    return smooth_source


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


def _told(smoothed: "Predictions", target: Path) -> str:
    before, after = smoothed.labels(), smoothed.labels(context=True)
    changed = int((before != after).sum())
    share = f" ({100 * changed / len(before):.1f} %)" if len(before) else ""
    deployments = len(smoothed.deployments())
    return (
        f"{target}: {len(before):,} rows of {deployments:,} deployment{'s' * (deployments != 1)}; "
        f"labels changed: {changed:,}{share}"
    )
