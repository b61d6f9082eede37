"""wolfdog train: train a watcher on labelled videos."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..watch.model.registry import IN_WORDS
from .screen import StageBars, console, tell_of_missing


class Mode(StrEnum):
    """In which order things are trained."""

    TWO_STAGE = "two-stage"
    JOINT = "joint"


def train(
    videos: Annotated[Path, typer.Option(help="Folder of videos (or one video).")],
    labels: Annotated[
        Path, typer.Option(help="CSV: video,start,end,label (seconds); videos relative to --videos.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the watcher.")],
    memory: Annotated[str, typer.Option(help=f"{IN_WORDS}; or none.")] = "lstm",
    window: Annotated[
        int | None,
        typer.Option(
            help="Past moments that a memory which is searched holds.",
            show_default="1024; lstmn 16; +bank 720",
        ),
    ] = None,
    stride: Annotated[
        float | None,
        typer.Option(help="A bank holds one moment in so many seconds.", show_default="10"),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="Frame classifier first and then memory, or both at once.")
    ] = Mode.TWO_STAGE,
    world: Annotated[
        Path | None,
        typer.Option(
            help="Simulated television only: its world.toml; shots are re-cut into endless new broadcasts."
        ),
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames a second to learn at, and to watch at later.")] = 5.0,
    size: Annotated[int, typer.Option(help="Pixels of a frame's side.")] = 64,
    hidden: Annotated[int, typer.Option(help="Units of the memory.")] = 32,
    classifier_steps: Annotated[
        int, typer.Option(min=1, help="Training steps of the frame classifier.")
    ] = 1200,
    steps: Annotated[int, typer.Option(min=1, help="Training steps of the memory.")] = 1200,
    weight_decay: Annotated[
        float,
        typer.Option(min=0.0, help="Of the memory's weights, not its biases; 0.001 where footage is scarce."),
    ] = 0.0,
    chunk: Annotated[int, typer.Option(min=1, help="Moments that a gradient reaches back.")] = 64,
    streams: Annotated[int, typer.Option(min=1, help="Streams read side by side.")] = 96,
    uninformative: Annotated[
        str,
        typer.Option(
            help="Labels that say nothing of others, by commas: thinned at first, so that gaps grow."
        ),
    ] = "unknown",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same watcher.")] = 0,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between two checkpoints.")] = 100,
) -> None:
    """Train a watcher on labelled videos; the same command again goes on where a killed one stopped."""
    from ..labels import read_labels
    from ..tv import World, load_world
    from ..watch.data.labelled_video import classes_of, read_labelled_videos
    from ..watch.model.config import WatcherConfig
    from ..watch.training.pipeline import WatcherTraining
    from ..watch.training.train import ContextTraining, FrameClassifierTraining
    from ..watch.training.trainer import OptimizerSettings
    from ..watch.video.discover import find_videos

    spans = read_labels(labels)
    told: World | None = None if world is None else load_world(world)
    classes = told.labels if told is not None else classes_of(spans)
    thin = tuple(name.strip() for name in uninformative.split(",") if name.strip())
    strange = [name for name in thin if name not in (*classes, "unknown")]
    if strange:
        raise InputError(
            f"--uninformative: {strange[0]!r} is no label; expected some of {', '.join(classes)}"
        )
    config = WatcherConfig(classes, fps, size, memory=memory, hidden=hidden, window=window, stride=stride)
    training = WatcherTraining(
        config,
        FrameClassifierTraining(OptimizerSettings(classifier_steps, 3e-3)),
        ContextTraining(
            OptimizerSettings(steps, 5e-3, weight_decay=weight_decay),
            chunk,
            streams,
            cut=told,
            uninformative=thin,
        ),
        seed,
        out,
        save_every,
        joint=mode is Mode.JOINT,
    )
    stages = StageBars()
    found = find_videos(videos)
    out.mkdir(parents=True, exist_ok=True)  # now, rather than find in the end that it cannot be
    root = videos if videos.is_dir() else videos.parent
    with stages("reading the videos", len(found)) as done:
        footage = read_labelled_videos(
            found, root, spans, classes, fps, size, lambda number: done(number, "")
        )
    tell_of_missing(labels, spans, found, videos)
    training.teach(footage, stages)
    console.print(
        f"{out}: a watcher of {', '.join(classes)} at {fps:g} frames a second, memory {memory}",
        markup=False,
        soft_wrap=True,
    )
    console.print(f"next: wolfdog watch VIDEO --model {out} --out watched", markup=False, soft_wrap=True)
