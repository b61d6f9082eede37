"""Teaching a watcher on labelled footage from beginning to end, in steps that a killed run takes up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ...errors import InputError
from ..data.labelled_video import Reel, look_through
from ..model.config import WatcherConfig
from ..model.frame_classifier import Eye
from ..model.registry import NO_MEMORY
from ..model.watcher import Watcher
from ..progress import Stages
from .train import ContextJob, ContextPlan, EyePlan, calibrate_on, teach_eye, teach_jointly
from .trainer import Progress

FEW = 4
"""With fewer videos than this, eye and memory learn from the same ones."""


@dataclass(frozen=True)
class School:
    """How a watcher is taught from labelled footage, and where it is written.

    In two stages (the default) half of the videos teach the eye, which is then calibrated on the other half,
    and from that half the memory learns: an eye sees what it was taught on too well to be a lesson in when
    to trust it. With fewer than four videos both learn from all. Jointly, everything learns from everything
    at once.

    `out` receives the watcher and, in `out`/training, the checkpoints from which the same call goes on after
    a kill, to the same weights as without one.

    Raises InputError for a joint teaching without a memory, and for a world of another frame rate.
    """

    config: WatcherConfig
    eye: EyePlan
    context: ContextPlan
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

    def teach(self, reels: Sequence[Reel], stages: Stages) -> Watcher:
        """Teach the watcher on reels of frames, and save it.

        Raises CheckpointError when `out` holds the checkpoints of another training.
        """
        watcher = self._jointly(reels, stages) if self.joint else self._in_two_stages(reels, stages)
        watcher.save(self.out)
        return watcher

    def _jointly(self, reels: Sequence[Reel], stages: Stages) -> Watcher:
        with stages("learning to see and to remember", self.context.plan.steps) as done:
            watcher = teach_jointly(
                self.config,
                reels,
                self.context,
                self.seed,
                lambda made: done(made.step, _loss(made)),
                self.out / "training" / "joint.safetensors",
                self.save_every,
            )
        calibrate_on(watcher.eye, [look_through(watcher.eye, reel) for reel in reels])
        return watcher

    def _in_two_stages(self, reels: Sequence[Reel], stages: Stages) -> Watcher:
        to_see, to_remember = halves(reels)
        with stages("learning to see", self.eye.plan.steps) as done:
            eye = teach_eye(
                self.config,
                to_see,
                self.eye,
                self.seed,
                lambda made: done(made.step, _loss(made)),
                self.out / "training" / "eye.safetensors",
                self.save_every,
            )
        remembered = self._watched(eye, to_remember, stages)
        calibrate_on(eye, remembered)
        watcher = Watcher(self.config)
        watcher.eye.load_state_dict(eye.state_dict())
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

    def _watched(self, eye: Eye, reels: Sequence[Reel], stages: Stages) -> list[Reel]:
        watched = []
        with stages("watching what the memory will learn from", len(reels)) as done:
            for number, reel in enumerate(reels):
                watched.append(look_through(eye, reel))
                done(number + 1, "")
        return watched


def halves(reels: Sequence[Reel]) -> tuple[list[Reel], list[Reel]]:
    """The reels split by video into two halves, in an order that has nothing to do with their names; few are
    not split.

    >>> import numpy as np
    >>> nothing = np.zeros(0)
    >>> reels = [Reel(f"{n}.mp4", nothing, nothing, nothing, (), nothing) for n in range(5)]
    >>> [len(half) for half in halves(reels)], [len(half) for half in halves(reels[:3])]
    ([3, 2], [3, 3])
    """
    if len(reels) < FEW:
        return list(reels), list(reels)
    mixed = sorted(reels, key=lambda reel: sha256(reel.name.encode()).digest())
    return mixed[::2], mixed[1::2]


def _loss(made: Progress) -> str:
    return f"loss {made.loss:.3f}"
