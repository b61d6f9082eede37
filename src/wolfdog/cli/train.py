"""wolfdog train: train a watcher on labelled videos."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..tv import load_world
from ..watch.model.registry import DEFAULT_MEMORY, IN_WORDS, NO_MEMORY
from .labelled_reading import LabelledFootage
from .options import LABELS, MERGE, Crop, Fit, Strict, check_seed
from .screen import console
from .torchrun import torchrun_processes
from .train_stages import train_from_nothing, train_on_classifier

SCRATCH = "scratch"


class Mode(StrEnum):
    """Order of the training of frame classifier and memory."""

    TWO_STAGE = "two-stage"
    JOINT = "joint"


def train(
    videos: Annotated[
        Path, typer.Option(help="Folder of videos and images, one of these, or a package that lists them.")
    ],
    labels: Annotated[Path, typer.Option(help=LABELS)],
    out: Annotated[Path, typer.Option(help="Folder for the watcher.")],
    classifier: Annotated[
        str,
        typer.Option(
            help="Its features are what is learned from: efficientnet-lite0, -lite1 or -lite2, onnx:FILE, timm:NAME. "
            "scratch: a small network of your own, from nothing."
        ),
    ] = "efficientnet-lite0",
    memory: Annotated[
        str | None,
        typer.Option(
            help=f"any-class: the memory that comes with wolfdog, fitted to your labels. Or one that is trained from "
            f"nothing: {IN_WORDS}. Or none.",
            show_default=f"any-class; {DEFAULT_MEMORY} with scratch",
        ),
    ] = None,
    fine_tune: Annotated[
        int,
        typer.Option(
            min=0,
            help="Steps in which the end of an EfficientNet-Lite is trained too, before the head: minutes; kept only "
            "where it is better on held-out videos.",
        ),
    ] = 0,
    crop: Fit = Crop.SQUEEZE,
    window: Annotated[
        int | None,
        typer.Option(
            help="Past moments that an attention memory holds.",
            show_default="1024; lstmn 16; +bank 720",
        ),
    ] = None,
    stride: Annotated[
        float | None,
        typer.Option(help="Seconds between two moments that a bank holds.", show_default="10"),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="scratch only: frame classifier first and then memory, or both at once.")
    ] = Mode.TWO_STAGE,
    world: Annotated[
        Path | None,
        typer.Option(
            help="scratch, on simulated television: its world.toml; shots are recombined into new broadcasts."
        ),
    ] = None,
    fps: Annotated[float, typer.Option(help="Frames a second to learn at, and to watch at later.")] = 5.0,
    size: Annotated[int, typer.Option(help="scratch only: pixels of a frame's side.")] = 64,
    hidden: Annotated[int, typer.Option(help="Units of the memory.")] = 32,
    classifier_steps: Annotated[
        int, typer.Option(min=1, help="scratch only: training steps of the frame classifier.")
    ] = 1200,
    steps: Annotated[
        int, typer.Option(min=1, help="Training steps of a memory that is trained from nothing.")
    ] = 1200,
    weight_decay: Annotated[
        float,
        typer.Option(min=0.0, help="Of the memory's weights, not its biases; 0.001 where footage is scarce."),
    ] = 0.0,
    chunk: Annotated[int, typer.Option(min=1, help="Moments that a gradient reaches back.")] = 64,
    streams: Annotated[int, typer.Option(min=1, help="Streams read side by side.")] = 96,
    uninformative: Annotated[
        str,
        typer.Option(
            help="Labels that say nothing about others, separated by commas: shortened at first, so that gaps grow."
        ),
    ] = "unknown",
    split: Annotated[
        str | None,
        typer.Option(help="Learn from the files of this split alone (column split of the labels)."),
    ] = None,
    merge_spellings: Annotated[bool, typer.Option("--merge-spellings", help=MERGE)] = False,
    strict: Strict = False,
    seed: Annotated[int, typer.Option(callback=check_seed, help="The same seed gives the same watcher.")] = 0,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between two checkpoints.")] = 100,
) -> None:
    """Train a watcher on labelled videos; the same command again goes on where a killed one stopped.

    Under torchrun, several processes train it together; the weights are those of one process, to rounding.

    By default a pretrained classifier looks at the frames, a linear head learns the labels from its features, in
    seconds and from few labels, and the memory that comes with wolfdog is fitted to them.
    """
    from ..atomic import remove_unfinished
    from ..labels import read_labels
    from ..watch.classifiers.efficientnet_lite import VARIANTS
    from ..watch.data.labelled_media import classes_of, find_labelled_media
    from ..watch.training.head_training import ANY_CLASS
    from ..watch.training.settings import ContextTraining
    from ..watch.training.trainer import OptimizerSettings

    processes = torchrun_processes()
    scratch = classifier == SCRATCH
    if fine_tune and classifier not in VARIANTS:
        raise InputError(f"--fine-tune: only for {', '.join(VARIANTS)}; got --classifier {classifier}.")
    if scratch and crop is not Crop.SQUEEZE:
        raise InputError(
            "--crop: not for --classifier scratch, which squeezes each frame to a square. Leave it out."
        )
    if not scratch:
        given = {
            "--mode": mode is not Mode.TWO_STAGE,
            "--world": world is not None,
            "--size": size != 64,
            "--classifier-steps": classifier_steps != 1200,
        }
        strange = [name for name, there in given.items() if there]
        if strange:
            raise InputError(
                f"{strange[0]}: only for a network that is trained from nothing; add --classifier scratch."
            )
    if scratch or memory not in (None, ANY_CLASS, NO_MEMORY):
        processes.check_divisible(streams, "streams (--streams)")
    table = read_labels(labels, merge_spellings=merge_spellings)
    broadcast_world = None if world is None else load_world(world)
    classes = classes_of(table) if broadcast_world is None else broadcast_world.labels
    thin = tuple(name.strip() for name in uninformative.split(",") if name.strip())
    unknown = [name for name in thin if name not in (*classes, "unknown")]
    if unknown:
        raise InputError(
            f"--uninformative: {unknown[0]!r} is no label; expected some of {', '.join(classes)}"
        )
    footage = LabelledFootage(find_labelled_media(videos, table, labels, split=split), classes, strict)
    if processes.first:
        remove_unfinished(out)  # of a run that was killed
    context = ContextTraining(
        OptimizerSettings(steps, 5e-3, weight_decay=weight_decay),
        chunk,
        streams,
        cut=broadcast_world,
        uninformative=thin,
    )
    options: dict[str, Any] = {"hidden": hidden, "window": window, "stride": stride}
    if scratch:
        from ..watch.model.config import WatcherConfig
        from ..watch.training.pipeline import WatcherTraining
        from ..watch.training.settings import FrameClassifierTraining

        config = WatcherConfig(classes, fps, size=size, memory=memory or DEFAULT_MEMORY, **options)
        seeing = FrameClassifierTraining(OptimizerSettings(classifier_steps, 3e-3))
        joint = mode is Mode.JOINT
        training = WatcherTraining(config, seeing, context, seed, out, save_every, joint, processes)
        train_from_nothing(training, footage, out)
        name = config.memory
    else:
        from ..watch.training.context_method import context_config
        from ..watch.training.head_training import FreshMemory

        name = memory or ANY_CLASS
        chosen: str | FreshMemory = name
        if name not in (ANY_CLASS, NO_MEMORY):
            chosen = FreshMemory(
                config=context_config(classes, fps, name, **options),
                training=context,
                seed=seed,
                checkpoint=out / "training" / "memory.safetensors",
                save_every=save_every,
            )
        train_on_classifier(chosen, classifier, crop.value, fps, fine_tune, footage, out, processes)
    console.print(
        f"{out}: a watcher of {', '.join(classes)} at {fps:g} frames a second, memory {name}",
        markup=False,
        soft_wrap=True,
    )
    console.print(f"next: wolfdog watch VIDEO --model {out} --out watched", markup=False, soft_wrap=True)
