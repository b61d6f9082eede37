"""Training of a watcher: frame classifier and context one after the other, or together."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...tv import World
from ...tv.world_files import world_to_dict
from ..data.labelled_video import LabelledVideo
from ..data.remixed_streams import RemixedStreams
from ..data.streams import Curriculum, Streams
from ..data.video_streams import VideoStreams
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier, calibrate
from ..model.watcher import Watcher
from .objectives import ContextObjective, FrameObjective, JointObjective
from .trainer import OptimizerSettings, Progress, Trainer

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class FrameClassifierTraining:
    """Settings of the frame classifier's training.

    Args:
        plan: Steps and learning rate.
        batch: Frames in a step.
        coarse: Share of the steps, from the first, in which frames have half the size.

    Raises:
        InputError: A setting is out of range.
    """

    plan: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(steps=1600, learning_rate=3e-3))
    batch: int = 128
    coarse: float = 0.5

    def __post_init__(self) -> None:
        if self.batch < 2:  # batch normalisation needs a variance
            raise InputError(
                f"training the frame classifier: batch must be 2 frames or more; got {self.batch!r}"
            )
        if not 0 <= self.coarse < 1:  # the last steps have frames of full size
            raise InputError(f"training the frame classifier: coarse must lie in [0, 1); got {self.coarse!r}")


@dataclass(frozen=True)
class ContextTraining:
    """Settings of a context's training by truncated backpropagation through time.

    Args:
        plan: Steps and learning rate.
        chunk: Moments in a step.
        streams: Number of streams side by side.
        curriculum: Change of the share of informative moments over the training.
        cut: World whose broadcasts are generated from the shots of the footage; None: streams are the footage as it is.
        uninformative: Classes of which moments are left out during the curriculum, where `cut` is None.

    Raises:
        InputError: A setting is out of range.
    """

    plan: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(steps=2000, learning_rate=5e-3))
    chunk: int = 64
    streams: int = 96
    curriculum: Curriculum = field(default_factory=Curriculum)
    cut: World | None = None
    uninformative: tuple[str, ...] = ("unknown",)

    def __post_init__(self) -> None:
        for name in ("chunk", "streams"):
            if getattr(self, name) < 1:
                raise InputError(f"training a memory: {name} must be 1 or more; got {getattr(self, name)!r}")

    def of(self, footage: Sequence[LabelledVideo], classes: Sequence[str], seed: int) -> Streams:
        """Training streams of labelled videos.

        Args:
            footage: Videos of embeddings or frames.
            classes: Names of the classes.
            seed: Of the streams.

        Returns:
            The streams.
        """
        if self.cut is not None:
            return RemixedStreams(footage, classes, self.cut, self.streams, seed, self.curriculum)
        thin = [classes.index(name) for name in self.uninformative if name in classes]
        return VideoStreams(footage, thin, self.streams, seed, self.curriculum)

    def identity(self) -> dict[str, Any]:
        """Settings that a checkpoint of this training must agree with, for JSON."""
        cut = None if self.cut is None else world_to_dict(self.cut)
        return {
            "chunk": self.chunk,
            "streams": self.streams,
            "curriculum": asdict(self.curriculum),
            "cut": cut,
            "thin": list(self.uninformative),
        }


def train_frame_classifier(
    config: WatcherConfig,
    footage: Sequence[LabelledVideo],
    training: FrameClassifierTraining,
    seed: int,
    *,
    report: Report | None = None,
    checkpoint: Path | None = None,
    save_every: int = 100,
) -> FrameClassifier:
    """Frame classifier trained on videos of frames, not yet calibrated.

    Args:
        config: Of the watcher.
        footage: Labelled videos of frames.
        training: Settings.
        seed: Of the training.
        report: Called after each step.
        checkpoint: File from which an interrupted training resumes.
        save_every: Steps between two checkpoints.

    Returns:
        The frame classifier.
    """
    torch.manual_seed(seed)
    frame_classifier = FrameClassifier(len(config.classes), config.width, config.embedding)
    identity = {
        "what": "classifier",
        "config": _seen(config),
        "seed": seed,
        "batch": training.batch,
        "coarse": training.coarse,
        "videos": _marks(footage),
    }
    objective = FrameObjective(frame_classifier, footage, training.batch, seed, training.coarse)
    Trainer(objective, training.plan, identity).run(report, checkpoint, save_every)
    return frame_classifier


def calibrate_on(frame_classifier: FrameClassifier, footage: Sequence[LabelledVideo]) -> None:
    """Calibrate the frame classifier on videos of its embeddings that it was not trained on.

    Args:
        frame_classifier: Changed in place.
        footage: Labelled videos of embeddings.
    """
    events = torch.cat([torch.from_numpy(video.events) for video in footage])
    calibrate(frame_classifier, events, torch.cat([torch.from_numpy(video.labels) for video in footage]))


@dataclass(frozen=True)
class ContextJob:
    """Training of one context, which can be sent to another process.

    Args:
        config: Of the watcher.
        footage: Labelled videos of embeddings.
        training: Settings.
        seed: Of the training.
        checkpoint: File from which an interrupted training resumes.
        save_every: Steps between two checkpoints.
    """

    config: WatcherConfig
    footage: Sequence[LabelledVideo]
    training: ContextTraining
    seed: int
    checkpoint: Path | None = None
    save_every: int = 100

    def run(self, report: Report | None = None) -> Context:
        """Context trained on the videos of embeddings.

        Args:
            report: Called after each step.

        Returns:
            The context.
        """
        torch.manual_seed(self.seed)
        config = self.config
        context = Context.of(config)
        streams = self.training.of(self.footage, config.classes, self.seed)
        identity = {
            "what": "context",
            "config": config.as_dict(),
            "seed": self.seed,
            "videos": _marks(self.footage),
            **self.training.identity(),
        }
        objective = ContextObjective(context, streams, self.training.chunk)
        Trainer(objective, self.training.plan, identity).run(report, self.checkpoint, self.save_every)
        return context


def train_jointly(
    config: WatcherConfig,
    footage: Sequence[LabelledVideo],
    training: ContextTraining,
    seed: int,
    *,
    report: Report | None = None,
    checkpoint: Path | None = None,
    save_every: int = 100,
) -> Watcher:
    """Watcher whose frame classifier and context are trained together, on videos of frames.

    Args:
        config: Of the watcher.
        footage: Labelled videos of frames.
        training: Settings.
        seed: Of the training.
        report: Called after each step.
        checkpoint: File from which an interrupted training resumes.
        save_every: Steps between two checkpoints.

    Returns:
        The watcher.

    Raises:
        ValueError: The watcher has no memory.
    """
    torch.manual_seed(seed)
    watcher = Watcher(config)
    if watcher.context is None:
        raise ValueError("a watcher without a memory has nothing to be trained jointly")
    streams = training.of(footage, config.classes, seed)
    identity = {
        "what": "joint",
        "config": config.as_dict(),
        "seed": seed,
        "videos": _marks(footage),
        **training.identity(),
    }
    objective = JointObjective(watcher.frame_classifier, watcher.context, streams, training.chunk)
    Trainer(objective, training.plan, identity).run(report, checkpoint, save_every)
    return watcher.eval()


def _seen(config: WatcherConfig) -> dict[str, Any]:
    """Part of a configuration that the frame classifier depends on."""
    others = ("memory", "hidden", "window", "stride")
    return {name: value for name, value in config.as_dict().items() if name not in others}


def _marks(footage: Sequence[LabelledVideo]) -> list[list[Any]]:
    """Fingerprint of footage and its labels."""
    return [[video.name, len(video), _digest(video)] for video in footage]


def _digest(video: LabelledVideo) -> str:
    digest = sha256("\n".join(video.looks).encode())
    # Embeddings are left out: they follow from the frame classifier, which has a checkpoint of its own.
    frames = [video.events] if video.events.dtype == np.uint8 else []
    further = [video.further] if len(video.further) else []
    for values in (video.times, video.labels, video.spans, *further, *frames):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]
