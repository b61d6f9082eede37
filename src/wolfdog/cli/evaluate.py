"""wolfdog evaluate: hold a watcher against labelled videos."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .screen import StageBars, console, tell_of_missing
from .tables import confusion_table, gap_rows


def evaluate(
    videos: Annotated[Path, typer.Option(help="Folder of videos (or one video) that it was not trained on.")],
    labels: Annotated[
        Path, typer.Option(help="CSV: video,start,end,label (seconds); videos relative to --videos.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A trained watcher.",
            show_default="the one that comes with wolfdog, for painted television",
        ),
    ] = None,
    world: Annotated[
        Path | None,
        typer.Option(help="Simulated television only: its world.toml, for the gaps and the ideal observer."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scores.json (and gaps.png, with a world).")
    ] = None,
) -> None:
    """Hold a watcher's snapshot and context labels against the true ones, in tables and as JSON."""
    from ..labels import read_labels
    from ..tv import load_world
    from ..watch.data.labelled_video import embed_video, read_labelled_videos
    from ..watch.evaluation.gap_plot import draw_gaps
    from ..watch.evaluation.observers import observe
    from ..watch.evaluation.scores import Scores, write_evaluation
    from ..watch.model.watcher import Watcher
    from ..watch.video.discover import find_videos

    watcher = Watcher.load(model)
    config = watcher.config
    told = None if world is None else load_world(world)
    if told is not None and told.fps != config.fps:
        raise InputError(
            f"{world}: has {told.fps:g} frames a second, and the watcher looks at {config.fps:g}: gaps and the ideal "
            "observer are counted in the world's frames. Give a watcher that was trained at the world's rate."
        )
    spans = read_labels(labels)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # now, rather than find in the end that it cannot be
    stages = StageBars()
    found = find_videos(videos)
    root = videos if videos.is_dir() else videos.parent
    with stages("watching", len(found)) as done:
        footage = read_labelled_videos(
            found,
            root,
            spans,
            config.classes,
            config.fps,
            config.size,
            lambda number: done(number, ""),
            lambda video: embed_video(watcher.frame_classifier, video),
        )
    tell_of_missing(labels, spans, found, videos)
    contexts = {} if watcher.context is None else {config.memory: watcher.context}
    judged = observe(watcher.frame_classifier, contexts, footage, config.classes, told)
    for name in ("snapshot", *contexts):
        console.print(confusion_table(judged, name))
    if told is not None:
        console.print(gap_rows(Scores.of(judged, seed=None)))
    if out is not None:
        write_evaluation(out / "scores.json", judged)
        if told is not None:
            draw_gaps(
                Scores.of(judged, seed=None).table, out / "gaps.png", f"{config.memory} on {videos.name}"
            )
        console.print(
            f"{out}: scores.json{', gaps.png' if told is not None else ''}", markup=False, soft_wrap=True
        )
