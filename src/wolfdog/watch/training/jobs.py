"""Training jobs: a frame classifier, a context on its embeddings, or both together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from ...errors import InputError
from ..data.labelled_video import LabelledVideo
from ..data.streams import Streams
from ..distributed import SINGLE, Processes
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier, calibrate
from ..model.watcher import Watcher
from .frame_bags import blank_class
from .objectives import ContextObjective, FrameObjective, JointObjective
from .settings import ContextTraining, FrameClassifierTraining
from .trainer import Objective, Progress, Trainer

Report = Callable[[Progress], None]
Settings = TypeVar("Settings", FrameClassifierTraining, ContextTraining)


@dataclass(frozen=True)
class Job(Generic[Settings]):
    """Training on labelled videos that resumes after an interruption, and that can be sent to another process.

    Args:
        config: Configuration of the watcher.
        footage: Labelled videos, of frames or of embeddings as the kind of job has it.
        training: Settings.
        seed: Seed of the initial weights and of the order of the data.
        checkpoint: File from which an interrupted training resumes.
        save_every: Steps between two checkpoints.
        processes: Processes that train it together; each runs the same job.
    """

    config: WatcherConfig
    footage: Sequence[LabelledVideo]
    training: Settings
    seed: int
    checkpoint: Path | None = field(default=None, kw_only=True)
    save_every: int = field(default=100, kw_only=True)
    processes: Processes = field(default=SINGLE, kw_only=True)

    def _optimise(
        self, objective: Objective, report: Report | None, what: str, config: dict[str, Any]
    ) -> None:
        """Train the objective's module; a checkpoint is refused unless `what` and all settings are the same."""
        self._trainer(objective, what, config).run(report, self.checkpoint, self.save_every)

    def _trainer(self, objective: Objective, what: str, config: dict[str, Any]) -> Trainer:
        identity = {
            "what": what,
            "config": config,
            "seed": self.seed,
            "videos": _fingerprint(self.footage),
            **self.training.identity(),
        }
        return Trainer(objective, self.training.plan, identity, self.processes)


class FrameClassifierJob(Job[FrameClassifierTraining]):
    """Training of a frame classifier on videos of frames."""

    def run(self, report: Report | None = None) -> FrameClassifier:
        """Trained frame classifier, not yet calibrated.

        Args:
            report: Called after each step.

        Returns:
            The frame classifier.
        """
        torch.manual_seed(self.seed)
        config, training = self.config, self.training
        classifier = FrameClassifier(len(config.classes), width=config.width, embedding=config.embedding)
        objective = FrameObjective(
            classifier,
            self.footage,
            training.batch,
            self.seed,
            training.coarse,
            blank_class(config.classes),
            self.processes,
            training.precision,
        )
        others = (
            "memory",
            "hidden",
            "window",
            "stride",
        )  # settings that a frame classifier does not depend on
        own = {name: value for name, value in config.as_dict().items() if name not in others}
        self._optimise(objective, report, "classifier", own)
        return classifier


class ContextJob(Job[ContextTraining]):
    """Training of a context on videos of embeddings."""

    def run(self, report: Report | None = None) -> Context:
        """Trained context.

        Args:
            report: Called after each step.

        Returns:
            The context.
        """
        context, trainer = self.begin(self.streams())
        trainer.run(report, self.checkpoint, self.save_every)
        return context

    def streams(self) -> Streams:
        """Streams of the training, at their beginning."""
        return self.training.of(self.footage, self.config.classes, self.seed)

    def reads_as(self, other: "ContextJob") -> bool:
        """Whether another job trains on the same streams for as many steps, so that both can share them.

        Args:
            other: The other job.

        Returns:
            Whether it does; False where either has a checkpoint, from which it may begin later.
        """
        same_plan = self.training.plan.steps == other.training.plan.steps
        own, others = (replace(job.training, plan=self.training.plan) for job in (self, other))
        return (
            self.checkpoint is None
            and other.checkpoint is None
            and self.footage is other.footage
            and (self.seed, self.config.classes) == (other.seed, other.config.classes)
            and same_plan
            and own == others
        )

    def begin(self, streams: Streams) -> tuple[Context, Trainer]:
        """Untrained context, and the trainer that trains it on some streams.

        Args:
            streams: The streams.

        Returns:
            The context and its trainer.
        """
        torch.manual_seed(self.seed)
        context = Context.of(self.config)
        objective = ContextObjective(context, streams, self.training.chunk, self.processes)
        return context, self._trainer(objective, "context", self.config.as_dict())


class JointJob(Job[ContextTraining]):
    """Training of a frame classifier and a context together, on videos of frames."""

    def run(self, report: Report | None = None) -> Watcher:
        """Trained watcher.

        Args:
            report: Called after each step.

        Returns:
            The watcher, in evaluation mode.

        Raises:
            InputError: The watcher has no memory.
        """
        torch.manual_seed(self.seed)
        watcher = Watcher(self.config)
        if watcher.context is None:
            raise InputError("joint training needs a watcher with a memory, and the memory is 'none'")
        streams = self.training.of(self.footage, self.config.classes, self.seed)
        objective = JointObjective(
            watcher.frame_classifier, watcher.context, streams, self.training.chunk, self.processes
        )
        self._optimise(objective, report, "joint", self.config.as_dict())
        return watcher.eval()


def calibrate_on(frame_classifier: FrameClassifier, footage: Sequence[LabelledVideo]) -> None:
    """Calibrate the frame classifier on videos of its embeddings that it was not trained on.

    Args:
        frame_classifier: Changed in place.
        footage: Labelled videos of embeddings.
    """
    events = torch.cat([torch.from_numpy(video.events) for video in footage])
    calibrate(frame_classifier, events, torch.cat([torch.from_numpy(video.labels) for video in footage]))


def _fingerprint(footage: Sequence[LabelledVideo]) -> list[list[Any]]:
    """Fingerprint of footage and its labels."""
    return [[video.name, len(video), _digest(video)] for video in footage]


def _digest(video: LabelledVideo) -> str:
    digest = sha256("\n".join(video.looks).encode())
    # Embeddings are left out: they follow from the frame classifier, which has a checkpoint of its own.
    frames = [video.events] if video.events.dtype == np.uint8 else []
    further = [video.further] if len(video.further) else []
    bags = [bag.frames for bag in video.bags]
    digest.update(repr([(bag.name, bag.classes) for bag in video.bags]).encode() if bags else b"")
    for values in (video.times, video.labels, video.spans, *further, *bags, *frames):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]
