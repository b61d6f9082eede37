"""wolfdog evaluate: comparison of predictions with labels."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .evaluate_files import calibrate_file, evaluate_files, evaluations_of, tell_evaluations
from .evaluate_videos import judge_watcher, label_by_head, tell_watcher
from .options import LABELS, MERGE, Blank, Strict


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
    blank: Blank = None,
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
    strict: Strict = False,
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
        found = evaluate_files(predictions, labels, blank, format)
        tell_evaluations(found, out)
        if calibrate is not None:
            calibrate_file(predictions[0], labels, blank, format, calibrate)
    elif videos is not None:
        spans = read_labels(labels, merge_spellings=merge_spellings)
        media = find_labelled_media(videos, spans, labels, split=split)
        if model is not None and head:
            table = label_by_head(model, media, lookahead, strict)
            tell_evaluations(evaluations_of(table, VerifiedLabels(table=media.labels), labels, ""), out)
        else:
            judged = judge_watcher(model, media, world, strict)
            tell_watcher(judged, videos.name, broadcast_world is not None, out)
