"""wolfdog evaluate: predictions held against labels."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, MediaError
from .options import LABELS, MERGE, STRICT
from .screen import StageBars, console, tell_of_labels, tell_of_reading
from .tables import confusion_table, gap_rows

if TYPE_CHECKING:
    from ..watch.data.labelled_media import LabelledMedia
    from ..watch.data.span_fit import Misfit
    from ..watch.evaluation.observers import ObserverPredictions


def evaluate(
    labels: Annotated[Path, typer.Option(help=LABELS)],
    videos: Annotated[
        Path | None,
        typer.Option(
            help="Folder of videos (or one video) that the model was not trained on.", show_default=False
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A trained model.",
            show_default="the one that comes with wolfdog, for painted television",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="In place of --videos and --model: a predictions file that wolfdog watch wrote.",
            show_default=False,
        ),
    ] = None,
    lookahead: Annotated[
        bool, typer.Option("--lookahead", help="Let the model's memory read later frames too.")
    ] = False,
    world: Annotated[
        Path | None,
        typer.Option(help="Simulated television only: its world.toml, for the gaps and the ideal observer."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="With --videos: judge the files of this split alone (column split of the labels)."),
    ] = None,
    merge_spellings: Annotated[bool, typer.Option("--merge-spellings", help=MERGE)] = False,
    strict: Annotated[bool, typer.Option("--strict", help=STRICT)] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scores.json (and gaps.png, with a world).")
    ] = None,
) -> None:
    """Compare snapshot and context labels with the true ones, in tables and as JSON."""
    from ..labels import read_labels
    from ..tv import load_world
    from ..watch.data.labelled_media import find_labelled_media
    from ..watch.evaluation.gap_plot import draw_gaps
    from ..watch.evaluation.observers import observe_table
    from ..watch.evaluation.scores import Scores, write_evaluation
    from ..watch.labelling.trained_model import FILE
    from ..watch.predictions import read_predictions

    if (videos is None) == (predictions is None):
        raise InputError(
            "evaluate: give either --videos, to be labelled now, or --predictions, a file of labels."
        )
    head = model is not None and (model / FILE).is_file()
    if predictions is not None and model is not None:
        raise InputError(
            "--model labels videos; a predictions file has been made already. Leave one of them out."
        )
    if world is not None and (head or predictions is not None):
        raise InputError("--world: only for a watcher that was trained from scratch on simulated television.")
    if lookahead and not head:
        raise InputError("--lookahead: only for models trained on a pretrained classifier.")
    broadcast_world = None if world is None else load_world(world)
    spans = read_labels(labels, merge_spellings=merge_spellings)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # now, rather than find in the end that it cannot be
    name = str(predictions)
    if predictions is not None:
        judged = observe_table(read_predictions(predictions), spans)
    elif videos is not None and model is not None and head:
        found = find_labelled_media(videos, spans, labels, split=split)
        judged, name = _judged_head(model, found, lookahead, strict), videos.name
    elif videos is not None:
        found = find_labelled_media(videos, spans, labels, split=split)
        judged, name = _judged_watcher(model, found, world, strict), videos.name
    for observer in judged.probabilities:
        if observer == "snapshot" or not observer.startswith("ideal"):
            console.print(confusion_table(judged, observer))
    if broadcast_world is not None:
        console.print(gap_rows(Scores.of(judged, seed=None)))
    if out is not None:
        write_evaluation(out / "scores.json", judged)
        if broadcast_world is not None:
            memory = next((o for o in judged.probabilities if o != "snapshot"), "none")
            draw_gaps(Scores.of(judged, seed=None).table, out / "gaps.png", f"{memory} on {name}")
        console.print(
            f"{out}: scores.json{', gaps.png' if broadcast_world is not None else ''}",
            markup=False,
            soft_wrap=True,
        )


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


def _judged_head(model: Path, found: "LabelledMedia", lookahead: bool, strict: bool) -> "ObserverPredictions":
    """Predictions of a head on a pretrained classifier, and of its memory."""
    from ..watch.data.span_fit import misfits_by_frames
    from ..watch.evaluation.observers import observe_table
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
                times = [moment.time for moment in part.moments]
                frames = [moment.frame for moment in part.moments]
                spans = found.labels[medium.name]
                misfits += misfits_by_frames(medium.name, spans, times, frames)
                # Labels count from the start of each file, and the clock of a deployment from its own.
                tables.append(replace(part.table, time=part.table.time - part.table.time[0] + times[0]))
            number += len(media)
            done(number, "")
    if not tables:
        raise MediaError(f"no labelled video can be read: {' '.join(troubles)}")
    tell_of_reading(found, troubles, misfits, strict=strict)
    return observe_table(Predictions.concat(tables), found.labels, context="memory")
