"""wolfdog evaluate: comparison of predictions with labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .screen import StageBars, complaints, console, tell_of_missing
from .tables import confusion_table, gap_rows

if TYPE_CHECKING:
    from ..labels import LabelSpan
    from ..watch.evaluation.observers import ObserverPredictions


def evaluate(
    labels: Annotated[
        Path, typer.Option(help="CSV: video,start,end,label (seconds); videos relative to --videos.")
    ],
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
    out: Annotated[
        Path | None, typer.Option(help="Folder for scores.json (and gaps.png, with a world).")
    ] = None,
) -> None:
    """Compare snapshot and context labels with the true ones, in tables and as JSON."""
    from ..labels import read_labels
    from ..tv import load_world
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
    spans = read_labels(labels)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # now, rather than find in the end that it cannot be
    name = str(predictions)
    if predictions is not None:
        judged = observe_table(read_predictions(predictions), spans)
    elif videos is not None and model is not None and head:
        judged, name = _judged_head(model, videos, labels, spans, lookahead), videos.name
    elif videos is not None:
        judged, name = _judged_watcher(model, videos, labels, spans, world), videos.name
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
    model: Path | None,
    videos: Path,
    labels: Path,
    spans: Mapping[str, Sequence["LabelSpan"]],
    world: Path | None,
) -> "ObserverPredictions":
    """Predictions of a watcher, whose memory runs over all videos side by side."""
    from ..tv import load_world
    from ..watch.data.labelled_video import embed_video, read_labelled_videos
    from ..watch.evaluation.observers import observe
    from ..watch.model.watcher import Watcher
    from ..watch.video.discover import find_videos

    watcher = Watcher.load(model)
    config = watcher.config
    broadcast_world = None if world is None else load_world(world)
    if broadcast_world is not None and broadcast_world.fps != config.fps:
        raise InputError(
            f"{world}: has {broadcast_world.fps:g} frames a second, and the watcher looks at {config.fps:g}: gaps and "
            "the ideal observer are counted in the world's frames. Give a watcher that was trained at the world's rate."
        )
    stages = StageBars()
    found = find_videos(videos)
    with stages("watching", len(found)) as done:
        footage = read_labelled_videos(
            found,
            videos if videos.is_dir() else videos.parent,
            spans,
            classes=config.classes,
            fps=config.fps,
            size=config.size,
            progress=lambda number: done(number, ""),
            develop=lambda video: embed_video(watcher.frame_classifier, video),
        )
    tell_of_missing(labels, spans, found, videos)
    contexts = {} if watcher.context is None else {config.memory: watcher.context}
    return observe(watcher.frame_classifier, contexts, footage, config.classes, broadcast_world)


def _judged_head(
    model: Path,
    videos: Path,
    labels: Path,
    spans: Mapping[str, Sequence["LabelSpan"]],
    lookahead: bool,
) -> "ObserverPredictions":
    """Predictions of a head on a pretrained classifier, and of its memory."""
    from ..errors import MediaError
    from ..watch.evaluation.observers import observe_table
    from ..watch.labelling.loading import load_model_labeller
    from ..watch.predictions import Predictions
    from ..watch.video.discover import display_name, find_videos

    labeller = load_model_labeller(model, ahead=lookahead)
    found = find_videos(videos)
    tables: list[Predictions] = []
    with StageBars()("watching", len(found)) as done:
        for number, path in enumerate(found):
            name = display_name(path, videos)
            if name in spans:
                try:
                    tables.extend(part.table for part in labeller.label(path, name, progress=lambda *_: None))
                except MediaError as error:
                    complaints.print(f"wolfdog: {error}", style="red", markup=False, soft_wrap=True)
            done(number + 1, "")
    if not tables:
        raise InputError(f"{videos}: none of its videos is named in {labels} and can be read.")
    tell_of_missing(labels, spans, found, videos)
    return observe_table(Predictions.concat(tables), spans, context="memory")
