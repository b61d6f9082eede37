"""The experiment: television is broadcast, a network learns to watch it, and memories are held against each other."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

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
from .training.pipeline import assembled, train_and_calibrate
from .training.train import (
    ContextJob,
    ContextTraining,
    FrameClassifierTraining,
)
from .training.trainer import Progress
from .training.workers import train_contexts
from .video.media import Medium

COMPARED = ("elman", "lstm", "four-gate-lstm", "peephole-full", "peephole-diagonal", "gru")
"""The memories of the demo unless others are asked for."""

ALL_COMPARED = (*COMPARED, "ntm", "lstmn", "attention", "memory-network", "lstm+attention", "lstm+bank")
"""Every kind of memory: the units, those that are searched, and a unit with each of the two beside it."""

PHOTOGRAPHS = {"classifier": "classifier", "memory": "memory", "test": "test", "highlights": "test"}
"""Photographs of each broadcast."""

FIRST_SEED = 1000
"""Of the first experiment's first broadcast. Lower ones were used up while wolfdog was being made."""


@dataclass(frozen=True)
class Airtime:
    """So many streams side by side, each so many minutes long."""

    streams: int
    minutes: float

    def __post_init__(self) -> None:
        if self.streams < 1 or not self.minutes > 0:
            raise InputError(f"airtime: expected 1 stream or more of over 0 minutes, got {self}")


@dataclass(frozen=True)
class Experiment:
    """Settings of an experiment: broadcasts and training.

    Three broadcasts, of different seeds: the frame classifier learns from the first, which is cut quickly and shows
    informative objects often, so that there are many shots to learn from; it is calibrated on the second, and
    from its shots the memories learn, since what the frame classifier saw in training it sees too well; both are judged
    on the third. With `photographs` (a folder per class) each broadcast shows other photographs.

    Args:
        seed: of everything.
        world: what is on.
        photographs: None to paint.
        size: pixels of a frame's side.
        classifier_training, memory_training, test broadcast: how much is broadcast to learn to see, to learn to
        remember, and to be watched. frame classifier, context: how they are trained.
        memories: which memories are compared.
        workers: processes at work side by side.
    """

    seed: int = 0
    world: World = field(default_factory=default_world)
    photographs: Path | None = None
    size: int = 64
    classifier_training: Airtime = Airtime(streams=140, minutes=2)
    memory_training: Airtime = Airtime(streams=20, minutes=4)
    test_broadcast: Airtime = Airtime(streams=20, minutes=12)
    highlights: Airtime = Airtime(streams=1, minutes=2)
    frame_classifier: FrameClassifierTraining = field(default_factory=FrameClassifierTraining)
    context: ContextTraining = field(default_factory=ContextTraining)
    memories: tuple[str, ...] = COMPARED
    workers: int = 2

    def on_photographs(self, folder: Path) -> "Experiment":
        """The experiment on photographs, folder/<class>/*.png or *.jpg.

        There are few of them. So each is shown to the memories in three times as many shots, at other places and
        sizes, and they learn for fewer steps and with weight decay: not by heart.
        """
        plan = replace(self.context.plan, steps=1200, weight_decay=1e-3)
        return replace(
            self,
            photographs=folder,
            memory_training=replace(self.memory_training, streams=3 * self.memory_training.streams),
            context=replace(self.context, plan=plan),
        )

    def config(self, memory: str) -> WatcherConfig:
        """The watcher with that memory."""
        return WatcherConfig(self.world.labels, self.world.fps, self.size, memory=memory)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Results of an experiment.

    Args:
        predictions: of every observer, on the test broadcast.
        watchers: the folder of each trained watcher, by its memory.
        test broadcast: the broadcast that was watched.
        highlights: a broadcast to look at.
        costs: of each memory.
        seconds: how long it all took.
    """

    predictions: ObserverPredictions
    watchers: Mapping[str, Path]
    test_broadcast: Broadcast
    highlights: Broadcast
    costs: Mapping[str, Cost]
    seconds: float


def run(experiment: Experiment, out: Path, stages: Stages = silent) -> Outcome:
    """Broadcast, train, watch and judge; broadcasts and watchers are left in `out`.

    Raises InputError, WorldError or MediaError when something cannot be broadcast or written.
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
    frame_classifier, remembered = train_and_calibrate(
        config,
        _read(classifier_broadcast, config, "reading it back", stages),
        lambda classifier: _watched(
            classifier, memory_broadcast, config, "embedding what the memories will learn from", stages
        ),
        experiment.frame_classifier,
        experiment.seed,
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
    """The world cut about twice as quickly, with three informative shots in ten.

    >>> quick(default_world()).shot.mean
    4.0
    """
    return world.with_(shot_length=max(float(world.shot.phases), world.shot.mean / 2), informative_rate=0.3)


def restless(world: World) -> World:
    """The world watched by someone who zaps every forty seconds, with three informative shots in ten.

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
        else Photographs(pictures, PHOTOGRAPHS[part], experiment.size, seed)
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
    """The broadcast as the frame classifier sees it; frames are let go video by video."""
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
