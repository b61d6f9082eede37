"""wolfdog evaluate: comparison of predictions with labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ..errors import InputError, MediaError
from .options import LABELS, MERGE, STRICT
from .screen import StageBars, complaints, console, tell_of_labels, tell_of_reading
from .tables import confusion_table, gap_rows

if TYPE_CHECKING:
    from ..watch.data.labelled_media import LabelledMedia
    from ..watch.data.span_fit import Misfit
    from ..watch.evaluation.evaluation import Evaluation
    from ..watch.evaluation.observers import ObserverPredictions
    from ..watch.formats.verified_labels import VerifiedLabels
    from ..watch.predictions import Predictions


def evaluate(
    labels: Annotated[Path, typer.Option(help=LABELS)],
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files of predictions: what wolfdog watch or smooth wrote, or any results that smooth reads.",
            show_default=False,
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            help="In place of files: a folder of videos (or one video), to be labelled now.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="With --videos: a trained model.",
            show_default="the one that comes with wolfdog, for painted television",
        ),
    ] = None,
    lookahead: Annotated[
        bool, typer.Option("--lookahead", help="Let the model's memory read later frames too.")
    ] = False,
    world: Annotated[
        Path | None,
        typer.Option(help="Simulated television only: its world.toml, for the gaps and the ideal observer."),
    ] = None,
    blank: Annotated[
        str | None,
        typer.Option(help="Class that says that nothing is there.", show_default="blank, empty, vide, ..."),
    ] = None,
    format: Annotated[  # noqa: A002 - the word that every tool has for it
        str | None,
        typer.Option(
            help="Format of the files: megadetector, csv, parquet, npy, camtrap-dp.", show_default="by suffix"
        ),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="Also fit a calibration of the context to these labels, and write it to this file, for smooth "
            "--calibration. The labels must be of deployments that nothing was trained on."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="With --videos: judge the files of this split alone (column split of the labels)."),
    ] = None,
    merge_spellings: Annotated[
        bool, typer.Option("--merge-spellings", help=f"With --videos: {MERGE[0].lower()}{MERGE[1:]}")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help=STRICT)] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for scores.json and scores.png (gaps.png, with a world)."),
    ] = None,
) -> None:
    """Compare predictions with labels: snapshot and context labels, of one file or of several side by side.

    Accuracy, precision, recall and F1 have confidence intervals that resample deployments; frames are ranked (mAP,
    mcAP), events compared (edit score, F1 of events), and probabilities checked (calibration error, error against
    coverage).
    """
    from ..labels import read_labels
    from ..tv import load_world
    from ..watch.data.labelled_media import find_labelled_media
    from ..watch.formats.verified_labels import VerifiedLabels
    from ..watch.labelling.trained_model import FILE

    if bool(predictions) == (videos is not None):
        raise InputError("evaluate: give either files of predictions, or --videos, to be labelled now.")
    if predictions and (model is not None or world is not None or lookahead):
        raise InputError(
            "--model, --world and --lookahead are for videos that are labelled now; a file has been made already. "
            "Leave them out."
        )
    if calibrate is not None and len(predictions or []) != 1:
        raise InputError("--calibrate: expected one file of smoothed predictions.")
    head = model is not None and (model / FILE).is_file()
    if world is not None and head:
        raise InputError("--world: only for a watcher that was trained from scratch on simulated television.")
    if lookahead and not head:
        raise InputError("--lookahead: only for models trained on a pretrained classifier.")
    broadcast_world = None if world is None else load_world(world)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # now, rather than find in the end that it cannot be
    if predictions:
        found = _evaluated_files(predictions, labels, blank, format)
        _tell(found, out)
        if calibrate is not None:
            _calibrate(predictions[0], labels, blank, format, calibrate)
    elif videos is not None:
        spans = read_labels(labels, merge_spellings=merge_spellings)
        media = find_labelled_media(videos, spans, labels, split=split)
        if model is not None and head:
            table = _labelled_by_head(model, media, lookahead, strict)
            _tell(_evaluated(table, VerifiedLabels(table=media.labels), labels, ""), out)
        else:
            judged = _judged_watcher(model, media, world, strict)
            _tell_watcher(judged, videos.name, broadcast_world is not None, out)


def _evaluated_files(
    files: Sequence[Path], labels: Path, blank: str | None, format_: str | None
) -> list["Evaluation"]:
    """Evaluations of each file's snapshot and, where it has one, context labels; equal snapshots once."""
    from ..watch.formats import read_results
    from ..watch.formats.verified_labels import read_verified

    verified = read_verified(labels)
    found: list[Evaluation] = []
    before: list[Predictions] = []
    for path in files:
        table = read_results(path, blank=blank, format=format_).predictions
        name = "" if len(files) == 1 else path.stem if not path.is_dir() else path.name
        found += _evaluated(table, verified, labels, name, snapshot=not any(_same(table, o) for o in before))
        before.append(table)
    return found


def _calibrate(path: Path, labels: Path, blank: str | None, format_: str | None, target: Path) -> None:
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


def _evaluated(
    table: "Predictions", verified: "VerifiedLabels", labels: Path, name: str, *, snapshot: bool = True
) -> list["Evaluation"]:
    from ..watch.evaluation.evaluation import evaluate_predictions

    has_context = table.context is not None
    forms = [("snapshot", False)] * (snapshot or not has_context) + [("context", True)] * has_context
    found = [
        evaluate_predictions(
            table,
            verified.of(table, said=table.label_names(context=context)),
            context=context,
            name=f"{name}: {form}" if name else form,
        )
        for form, context in forms
    ]
    foreign = found[0].foreign
    if foreign:
        complaints.print(
            f"wolfdog: {labels}: these labels are no class of the predictions, and count as wrong: "
            f"{', '.join(foreign)}",
            markup=False,
            soft_wrap=True,
        )
    return found


def _tell(found: list["Evaluation"], out: Path | None) -> None:
    from ..watch.evaluation.evaluation_json import write_evaluations
    from ..watch.evaluation.evaluation_plot import draw_evaluations
    from .evaluation_tables import class_table, confusion_rows, summary_table

    console.print(summary_table(found))
    for one in found if len(found) <= 2 else []:  # of several files, the details are in scores.json
        console.print(class_table(one))
        console.print(confusion_rows(one))
    if out is not None:
        write_evaluations(out / "scores.json", found)
        draw_evaluations(found, out / "scores.png")
        console.print(f"{out}: scores.json, scores.png", markup=False, soft_wrap=True)


def _tell_watcher(judged: "ObserverPredictions", name: str, gaps: bool, out: Path | None) -> None:
    """Scores of a watcher trained from scratch; with a world, by gap and beside the ideal observer."""
    from ..watch.evaluation.gap_plot import draw_gaps
    from ..watch.evaluation.scores import Scores, write_evaluation

    for observer in judged.probabilities:
        if observer == "snapshot" or not observer.startswith("ideal"):
            console.print(confusion_table(judged, observer))
    if gaps:
        console.print(gap_rows(Scores.of(judged, seed=None)))
    if out is None:
        return
    write_evaluation(out / "scores.json", judged)
    if gaps:
        memory = next((o for o in judged.probabilities if o != "snapshot"), "none")
        draw_gaps(Scores.of(judged, seed=None).table, out / "gaps.png", f"{memory} on {name}")
    console.print(f"{out}: scores.json{', gaps.png' if gaps else ''}", markup=False, soft_wrap=True)


def _judged_watcher(
    model: Path | None, found: "LabelledMedia", world: Path | None, strict: bool
) -> "ObserverPredictions":
    """Predictions of a watcher, whose memory begins anew with each file."""
    from ..tv import load_world
    from ..watch.data.labelled_video import embed_video, read_labelled_videos
    from ..watch.evaluation.observers import observe
    from ..watch.model.watcher import Watcher

    watcher = Watcher.load(model)
    config = watcher.config
    broadcast_world = None if world is None else load_world(world)
    if broadcast_world is not None and broadcast_world.fps != config.fps:
        raise InputError(
            f"{world}: has {broadcast_world.fps:g} frames a second, and the watcher looks at {config.fps:g}: gaps and "
            "the ideal observer are counted in the world's frames. Give a watcher that was trained at the world's rate."
        )
    tell_of_labels(found)
    with StageBars()("watching", len(found.media)) as done:
        read = read_labelled_videos(
            found.media,
            found.labels,
            classes=config.classes,
            fps=config.fps,
            size=config.size,
            progress=lambda number: done(number, ""),
            develop=lambda video: embed_video(watcher.frame_classifier, video),
        )
    tell_of_reading(found, read.troubles, read.misfits, strict=strict)
    contexts = {} if watcher.context is None else {config.memory: watcher.context}
    return observe(watcher.frame_classifier, contexts, read.videos, config.classes, broadcast_world)


def _labelled_by_head(model: Path, found: "LabelledMedia", lookahead: bool, strict: bool) -> "Predictions":
    """Predictions of a head on a pretrained classifier, with those of its memory as the context."""
    from ..watch.data.span_fit import misfits_by_frames
    from ..watch.labelling.loading import load_model_labeller
    from ..watch.predictions import Predictions
    from ..watch.video.media import by_deployment

    labeller = load_model_labeller(model, ahead=lookahead)
    tell_of_labels(found)
    tables: list[Predictions] = []
    troubles: list[str] = []
    misfits: list[Misfit] = []
    with StageBars()("watching", len(found.media)) as done:
        number = 0
        for media in by_deployment(found.media):
            for medium, part in labeller.label_deployment(
                media, progress=lambda *_: None, trouble=lambda _, reason: troubles.append(reason)
            ):
                times = np.array([moment.time for moment in part.moments])
                frames = np.array([moment.frame for moment in part.moments])
                misfits += misfits_by_frames(medium.name, found.labels[medium.name], times, frames)
                # Labels count from the start of their file, and the table from that of the deployment.
                tables.append(replace(part.table, time=part.table.time - part.table.time[0] + times[0]))
            number += len(media)
            done(number, "")
    if not tables:
        raise MediaError(f"no labelled video can be read: {' '.join(troubles)}")
    tell_of_reading(found, troubles, misfits, strict=strict)
    return Predictions.concat(tables)
