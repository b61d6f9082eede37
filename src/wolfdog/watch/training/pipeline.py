"""Training a watcher on labelled footage from beginning to end, in steps that a killed run takes up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ...errors import InputError
from ..data.labelled_video import LabelledVideo, embed_video
from ..model.config import WatcherConfig
from ..model.frame_classifier import FrameClassifier
from ..model.registry import NO_MEMORY
from ..model.watcher import Watcher
from ..progress import Stages
from .train import (
    ContextJob,
    ContextTraining,
    FrameClassifierTraining,
    calibrate_on,
    train_frame_classifier,
    train_jointly,
)
from .trainer import Progress

FEW = 4
"""With fewer videos than this, frame classifier and memory learn from the same ones."""


@dataclass(frozen=True)
class WatcherTraining:
    """How a watcher is trained from labelled footage, and where it is written.

    In two stages (the default) half of the videos train the frame classifier, which is then calibrated on the
    other half, and from that half the memory learns: a frame classifier sees what it was trained on too well to be
    an objective in when to trust it. With fewer than four videos both learn from all. Jointly, everything learns
    from everything at once.

    `out` receives the watcher and, in `out`/training, the checkpoints from which the same call goes on after
    a kill, to the same weights as without one.

    Raises InputError for a joint training without a memory, and for a world of another frame rate.
    """

    config: WatcherConfig
    frame_classifier: FrameClassifierTraining
    context: ContextTraining
    seed: int
    out: Path
    save_every: int = 100
    joint: bool = False

    def __post_init__(self) -> None:
        if self.joint and self.config.memory == NO_MEMORY:
            raise InputError("joint training: memory is 'none', so there is nothing to join; use two stages")
        cut = self.context.cut
        if cut is not None and cut.fps != self.config.fps:
            raise InputError(
                f"the world {cut.name!r} has {cut.fps:g} frames a second and the watcher {self.config.fps:g}: "
                "its shots and gaps are counted in frames, so give the watcher the world's rate"
            )

    def run(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        """Train the watcher on videos of frames, and save it.

        Raises CheckpointError when `out` holds the checkpoints of another training.
        """
        watcher = self._jointly(footage, stages) if self.joint else self._in_two_stages(footage, stages)
        watcher.save(self.out)
        return watcher

    def _jointly(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        with stages("learning to see and to remember", self.context.plan.steps) as done:
            watcher = train_jointly(
                self.config,
                footage,
                self.context,
                self.seed,
                lambda made: done(made.step, _loss(made)),
                self.out / "training" / "joint.safetensors",
                self.save_every,
            )
        calibrate_on(
            watcher.frame_classifier, [embed_video(watcher.frame_classifier, video) for video in footage]
        )
        return watcher

    def _in_two_stages(self, footage: Sequence[LabelledVideo], stages: Stages) -> Watcher:
        classifier_broadcast, memory_broadcast = halves(footage)
        with stages("learning to see", self.frame_classifier.plan.steps) as done:
            frame_classifier = train_frame_classifier(
                self.config,
                classifier_broadcast,
                self.frame_classifier,
                self.seed,
                lambda made: done(made.step, _loss(made)),
                self.out / "training" / "frame-classifier.safetensors",
                self.save_every,
            )
        remembered = self._watched(frame_classifier, memory_broadcast, stages)
        calibrate_on(frame_classifier, remembered)
        watcher = Watcher(self.config)
        watcher.frame_classifier.load_state_dict(frame_classifier.state_dict())
        if watcher.context is not None:
            job = ContextJob(
                self.config,
                remembered,
                self.context,
                self.seed,
                self.out / "training" / "memory.safetensors",
                self.save_every,
            )
            with stages(f"learning to remember: {self.config.memory}", self.context.plan.steps) as done:
                context = job.run(lambda made: done(made.step, _loss(made)))
            watcher.context.load_state_dict(context.state_dict())
        return watcher.eval()

    def _watched(
        self, frame_classifier: FrameClassifier, footage: Sequence[LabelledVideo], stages: Stages
    ) -> list[LabelledVideo]:
        watched = []
        with stages("watching what the memory will learn from", len(footage)) as done:
            for number, video in enumerate(footage):
                watched.append(embed_video(frame_classifier, video))
                done(number + 1, "")
        return watched


def halves(footage: Sequence[LabelledVideo]) -> tuple[list[LabelledVideo], list[LabelledVideo]]:
    """The videos split by video into two halves, in an order that has nothing to do with their names; few are
    not split.

    >>> import numpy as np
    >>> nothing = np.zeros(0)
    >>> videos = [LabelledVideo(f"{n}.mp4", nothing, nothing, nothing, (), nothing) for n in range(5)]
    >>> [len(half) for half in halves(videos)], [len(half) for half in halves(videos[:3])]
    ([3, 2], [3, 3])
    """
    if len(footage) < FEW:
        return list(footage), list(footage)
    mixed = sorted(footage, key=lambda video: sha256(video.name.encode()).digest())
    return mixed[::2], mixed[1::2]


def _loss(made: Progress) -> str:
    return f"loss {made.loss:.3f}"
