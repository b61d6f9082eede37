"""Experiment on simulated television: broadcasts, training, and a comparison of memories on a test broadcast."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ..errors import InputError, MediaError
from ..labels import read_labels
from ..tv import Broadcast, Painter, Photographs, World, broadcast, default_world
from .data.labelled_video import LabelledVideo, embed_video, read_labelled_videos
from .evaluation.observers import ObserverPredictions, observe
from .model.config import WatcherConfig
from .model.context import Context
from .model.cost import Cost, cost_of
from .model.frame_classifier import FrameClassifier
from .model.registry import NO_MEMORY
from .model.watcher import Watcher
from .progress import Stages, silent
from .training.jobs import ContextJob, FrameClassifierJob
from .training.pipeline import assembled, train_and_calibrate
from .training.settings import ContextTraining, FrameClassifierTraining
from .training.trainer import Progress
from .training.workers import train_contexts
from .video.media import Medium

COMPARED = ("elman", "lstm", "four-gate-lstm", "peephole-full", "peephole-diagonal", "gru")
"""Memories that the demo compares by default."""

ALL_COMPARED = (
    *COMPARED, "coupled-lstm", "ntm", "lstmn", "attention", "memory-network", "lstm+attention", "lstm+bank",
)  # fmt: skip
"""All memories: recurrent units, attention memories, and a unit with attention or a bank."""

PHOTOGRAPHS = {"classifier": "classifier", "memory": "memory", "test": "test", "highlights": "test"}
"""Photographs of each broadcast."""

FIRST_SEED = 1000
"""Seed of the first broadcast of experiment 0. Lower ones were used during the development of wolfdog."""


@dataclass(frozen=True)
class Airtime:
    """Number and length of the streams of a broadcast.

    Args:
        streams: Streams side by side.
        minutes: Length of each.

    Raises:
        InputError: There is no stream, or the length is not positive.
    """

    streams: int
    minutes: float

    def __post_init__(self) -> None:
        if self.streams < 1 or not self.minutes > 0:
            raise InputError(f"airtime: expected 1 stream or more of over 0 minutes, got {self}")


def _fast_classifier_training() -> FrameClassifierTraining:
    """Training in bfloat16 where the processor has instructions for it."""
    found = torch.cpu.get_capabilities()
    multiplies = any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return FrameClassifierTraining(precision="bfloat16" if multiplies else "float32")


@dataclass(frozen=True)
class Experiment:
    """Settings of an experiment: broadcasts and training.

    Three broadcasts with different seeds are made. The frame classifier is trained on the first, which is cut quickly
    and shows informative objects often, so that it has many shots. The frame classifier is calibrated on the second,
    and the memories are trained on it, because a frame classifier is more certain of its training frames than of new
    ones. All are tested on the third. With `photographs`, each broadcast shows other photographs.

    Args:
        seed: Seed of broadcasts, pictures and training.
        world: World of the broadcasts.
        photographs: Folder with a folder of photographs for each class; None for painted pictures.
        size: Pixels of a frame's side.
        classifier_training: Length of the broadcast that trains the frame classifier.
        memory_training: Length of the broadcast that trains the memories.
        test_broadcast: Length of the broadcast that all are tested on.
        highlights: Length of a broadcast to show to people.
        frame_classifier: Settings of the frame classifier's training; in bfloat16 by default where the processor has
            instructions for it.
        context: Settings of the memories' training.
        memories: Names of the memories that are compared.
        workers: Processes side by side.
    """

    seed: int = 0
    world: World = field(default_factory=default_world)
    photographs: Path | None = None
    size: int = 64
    classifier_training: Airtime = Airtime(streams=140, minutes=2)
    memory_training: Airtime = Airtime(streams=20, minutes=4)
    test_broadcast: Airtime = Airtime(streams=20, minutes=12)
    highlights: Airtime = Airtime(streams=1, minutes=2)
    frame_classifier: FrameClassifierTraining = field(default_factory=_fast_classifier_training)
    context: ContextTraining = field(default_factory=ContextTraining)
    memories: tuple[str, ...] = COMPARED
    workers: int = 2

    def on_photographs(self, folder: Path) -> "Experiment":
        """Experiment on photographs.

        There are few of them. To prevent overfitting, each is shown to the memories in three times as many shots, at
        other places and sizes, and the memories are trained for fewer steps and with weight decay.

        Args:
            folder: Folder with photographs as <class>/*.png or *.jpg.

        Returns:
            The experiment.
        """
        plan = replace(self.context.plan, steps=1200, weight_decay=1e-3)
        return replace(
            self,
            photographs=folder,
            memory_training=replace(self.memory_training, streams=3 * self.memory_training.streams),
            context=replace(self.context, plan=plan),
        )

    def config(self, memory: str) -> WatcherConfig:
        """Configuration of the watcher with that memory."""
        return WatcherConfig(self.world.labels, self.world.fps, size=self.size, memory=memory)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Results of an experiment.

    Args:
        predictions: Probabilities of every observer on the test broadcast.
        watchers: Folder of each trained watcher, by its memory.
        test_broadcast: The test broadcast.
        highlights: A broadcast to show to people.
        costs: Cost of each memory.
        seconds: Duration of the experiment.
    """

    predictions: ObserverPredictions
    watchers: Mapping[str, Path]
    test_broadcast: Broadcast
    highlights: Broadcast
    costs: Mapping[str, Cost]
    seconds: float


def run(experiment: Experiment, out: Path, stages: Stages = silent) -> Outcome:
    """Broadcast, train, and test; broadcasts and watchers are left in a folder.

    Args:
        experiment: Settings.
        out: The folder.
        stages: Shows progress.

    Returns:
        The results.

    Raises:
        InputError: A setting is invalid.
        WorldError: The world cannot be broadcast.
        MediaError: A file cannot be written.
    """
    began = time.perf_counter()
    config = experiment.config(NO_MEMORY)
    world = experiment.world
    classifier_broadcast, memory_broadcast, test_broadcast, highlights = (
        _on_air(experiment, out, number, *part, stages)
        for number, part in enumerate(
            (
                ("for the frame classifier", "classifier", experiment.classifier_training, quick(world)),
                ("for the memories", "memory", experiment.memory_training, world),
                ("the test broadcast", "test", experiment.test_broadcast, world),
                ("highlights", "highlights", experiment.highlights, restless(world)),
            )
        )
    )
    frames = _read(classifier_broadcast, config, "reading it back", stages)
    frame_classifier, remembered = train_and_calibrate(
        FrameClassifierJob(config, frames, experiment.frame_classifier, experiment.seed),
        lambda classifier: _watched(
            classifier, memory_broadcast, config, "embedding what the memories will learn from", stages
        ),
        stages,
    )
    jobs = {
        memory: ContextJob(
            experiment.config(memory),
            remembered,
            replace(experiment.context, cut=experiment.world),
            experiment.seed,
        )
        for memory in experiment.memories
    }
    contexts = _trained_contexts(jobs, experiment.workers, stages)
    models = out / "models"
    watchers = {NO_MEMORY: _saved(assembled(config, frame_classifier, None), models / "snapshot")}
    for memory, context in contexts.items():
        watcher = assembled(experiment.config(memory), frame_classifier, context)
        watchers[memory] = _saved(watcher, models / memory)
    seen = _watched(frame_classifier, test_broadcast, config, "watching the test broadcast", stages)
    judged = observe(frame_classifier, contexts, seen, config.classes, experiment.world)
    costs = {name: cost_of(context, config.embedding) for name, context in contexts.items()}
    return Outcome(judged, watchers, test_broadcast, highlights, costs, time.perf_counter() - began)


def quick(world: World) -> World:
    """World that is cut about twice as quickly, with three informative shots in ten.

    Examples:
        >>> quick(default_world()).shot.mean
        4.0
    """
    return world.with_(shot_length=max(float(world.shot.phases), world.shot.mean / 2), informative_rate=0.3)


def restless(world: World) -> World:
    """World of a viewer who changes the channel every forty seconds, with three informative shots in ten.

    Examples:
        >>> restless(default_world()).channels[0].mean_stay
        200.0
    """
    return world.with_(switch_every=40 * world.fps, informative_rate=0.3)


def _on_air(
    experiment: Experiment,
    out: Path,
    number: int,
    why: str,
    part: str,
    airtime: Airtime,
    world: World,
    stages: Stages,
) -> Broadcast:
    seed = FIRST_SEED + 4 * experiment.seed + number
    pictures = experiment.photographs
    picture = (
        Painter(experiment.size, seed)
        if pictures is None
        else Photographs(pictures, PHOTOGRAPHS[part], size=experiment.size, seed=seed)
    )
    frames = round(airtime.minutes * 60 * world.fps) * airtime.streams
    with stages(f"broadcasting {why}", frames) as done:
        start = time.perf_counter()
        return broadcast(
            world,
            out / "television" / part,
            minutes=airtime.minutes,
            seed=seed,
            picture=picture,
            streams=airtime.streams,
            workers=experiment.workers,
            progress=lambda made, total: done(made, f"{made / (time.perf_counter() - start):,.0f} frames/s"),
        )


def _watched(
    frame_classifier: FrameClassifier, on_air: Broadcast, config: WatcherConfig, title: str, stages: Stages
) -> list[LabelledVideo]:
    """Labelled videos of a broadcast with embeddings as events; only one video's frames are held at a time."""
    return _read(on_air, config, title, stages, lambda video: embed_video(frame_classifier, video))


def _read(
    on_air: Broadcast,
    config: WatcherConfig,
    title: str,
    stages: Stages,
    develop: Callable[[LabelledVideo], LabelledVideo] | None = None,
) -> list[LabelledVideo]:
    with stages(title, len(on_air.videos)) as done:
        read = read_labelled_videos(
            [Medium(path, path.name, path.name) for path in on_air.videos],
            read_labels(on_air.labels),
            classes=config.classes,
            fps=config.fps,
            size=config.size,
            progress=lambda number: done(number, ""),
            develop=develop,
        )
    if read.troubles:
        raise MediaError(read.troubles[0])
    return read.videos


def _trained_contexts(jobs: Mapping[str, ContextJob], workers: int, stages: Stages) -> dict[str, Context]:
    steps = dict.fromkeys(jobs, 0)
    total = sum(job.training.plan.steps for job in jobs.values())
    with stages(f"training {len(jobs)} memories", total) as done:

        def report(name: str, made: Progress) -> None:
            steps[name] = made.step
            done(sum(steps.values()), f"{name} loss {made.loss:.3f}")

        return train_contexts(jobs, workers, report)


def _saved(watcher: Watcher, folder: Path) -> Path:
    watcher.save(folder)
    return folder
