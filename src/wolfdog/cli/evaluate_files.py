"""Evaluation of files of predictions on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .screen import complaints, console

if TYPE_CHECKING:
    from ..watch.evaluation.bag_scores import BagScores
    from ..watch.evaluation.evaluation import Evaluation
    from ..watch.formats.verified_labels import VerifiedLabels
    from ..watch.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of one set of labels.

    Attributes:
        name: What was judged.
        frames: Scores of frames and detections; None where only files and sequences are labelled.
        bags: Scores of files and sequences that are labelled as a whole; None where there are none.
    """

    name: str
    frames: "Evaluation | None"
    bags: "BagScores | None"


def evaluate_files(
    files: Sequence[Path], labels: Path, blank: str | None, format_: str | None
) -> list[Judged]:
    """Scores of each file's snapshot and, where it has one, context labels; equal snapshots once."""
    from ..watch.formats import read_results
    from ..watch.formats.verified_labels import read_verified

    verified = read_verified(labels)
    found: list[Judged] = []
    before: list[Predictions] = []
    for path in files:
        table = read_results(path, blank=blank, format=format_).predictions
        name = "" if len(files) == 1 else path.stem if not path.is_dir() else path.name
        found += evaluations_of(
            table, verified, labels, name, snapshot=not any(_same(table, o) for o in before)
        )
        before.append(table)
    return found


def calibrate_file(path: Path, labels: Path, blank: str | None, format_: str | None, target: Path) -> None:
    """Fit a calibration, write it, and tell what it brings."""
    from ..watch.formats import read_results
    from ..watch.formats.verified_labels import read_verified
    from ..watch.review.answers import answers_of
    from ..watch.review.calibration import fit_calibration
    from ..watch.review.calibration_file import save_calibration

    table = read_results(path, blank=blank, format=format_).predictions
    found = fit_calibration(table, answers_of(table, read_verified(labels).of(table)))
    save_calibration(target, found)
    losses = ", ".join(f"{name} {loss:.3f}" for name, loss in found.log_loss.items())
    console.print(
        f"{target}: {found.form}, fitted to {found.rows:,} labels; log loss on deployments not fitted to: {losses}",
        markup=False,
        soft_wrap=True,
    )
    for threshold in found.thresholds:
        if threshold.error in (0.01, 0.05, 0.1):
            console.print(
                f"  at most {100 * threshold.error:g} % wrong: {100 * threshold.coverage:.1f} % of the labels stand "
                "without a person",
                markup=False,
                soft_wrap=True,
            )


def _same(one: "Predictions", other: "Predictions") -> bool:
    """Whether two tables have the same snapshot labels of the same rows."""
    names = ("probabilities", "media", "frame", "detection")
    return one.classes == other.classes and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in names
    )


def evaluations_of(
    table: "Predictions", verified: "VerifiedLabels", labels: Path, name: str, *, snapshot: bool = True
) -> list[Judged]:
    """Scores of a table's snapshot labels and, where it has them, context labels.

    Files and sequences of several frames that are labelled as a whole are judged as such, and not frame by frame.
    """
    from ..watch.evaluation.bag_scores import bag_scores
    from ..watch.evaluation.evaluation import evaluate_predictions

    has_context = table.context is not None
    forms = [("snapshot", False)] * (snapshot or not has_context) + [("context", True)] * has_context
    bags = verified.bags(table)
    found = []
    for form, context in forms:
        title = f"{name}: {form}" if name else form
        truth = verified.of(table, said=table.label_names(context=context), whole=False)
        of_frames = not bags or any(label is not None for label in truth)
        found.append(
            Judged(
                title,
                evaluate_predictions(table, truth, context=context, name=title) if of_frames else None,
                bag_scores(bags, table.labels(context=context), table.classes, blank=table.blank_index)
                if bags
                else None,
            )
        )
    foreign = found[0].frames.foreign if found[0].frames is not None else ()
    if foreign:
        complaints.print(
            f"wolfdog: {labels}: these labels are no class of the predictions, and count as wrong: "
            f"{', '.join(foreign)}",
            markup=False,
            soft_wrap=True,
        )
    return found


def tell_evaluations(judged: Sequence[Judged], out: Path | None) -> None:
    """Print scores as tables, and write them into a folder."""
    from ..watch.evaluation.evaluation_json import write_evaluations
    from ..watch.evaluation.evaluation_plot import draw_evaluations
    from .evaluation_tables import class_table, confusion_rows, print_bags, summary_table

    found = [one.frames for one in judged if one.frames is not None]
    of_bags = {one.name: one.bags for one in judged if one.bags is not None}
    if found:
        console.print(summary_table(found))
    for one in found if len(found) <= 2 else []:  # of several files, the details are in scores.json
        console.print(class_table(one))
        console.print(confusion_rows(one))
    for name, scores in of_bags.items():
        print_bags(scores, name)
    if out is not None:
        write_evaluations(out / "scores.json", found, bags=of_bags)
        if found:
            draw_evaluations(found, out / "scores.png")
        console.print(f"{out}: scores.json{', scores.png' if found else ''}", markup=False, soft_wrap=True)
