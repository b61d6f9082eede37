"""Teaching a watcher: the eye first and then the context on it, or both at once."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...tv import World
from ...tv.world_files import as_data
from ..data.labelled_video import Reel
from ..data.remixed_streams import Recut
from ..data.streams import Curriculum, Streams
from ..data.video_streams import Footage
from ..model.config import WatcherConfig
from ..model.context import Context
from ..model.frame_classifier import Eye, calibrate
from ..model.watcher import Watcher
from .objectives import ContextLesson, EyeLesson, JointLesson
from .trainer import Plan, Progress, Trainer

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class EyePlan:
    """How the eye is taught: `plan`, with `batch` frames a step, and for the first `coarse` share of the steps on
    frames of half the size."""

    plan: Plan = field(default_factory=lambda: Plan(steps=1600, learning_rate=3e-3))
    batch: int = 128
    coarse: float = 0.5

    def __post_init__(self) -> None:
        if self.batch < 2:  # a batch of one frame has no spread to be normalised by
            raise InputError(f"teaching the eye: batch must be 2 frames or more; got {self.batch!r}")
        if not 0 <= self.coarse < 1:  # the last steps see what the eye will see
            raise InputError(f"teaching the eye: coarse must lie in [0, 1); got {self.coarse!r}")


@dataclass(frozen=True)
class ContextPlan:
    """How a context is taught: `plan`, by truncated backpropagation over chunks of `chunk` moments of
    `streams` streams.

    `cut` re-cuts the shots into endless new broadcasts of that world; without it streams are the footage as
    it is, where the classes named `uninformative` are thinned while the curriculum lasts.
    """

    plan: Plan = field(default_factory=lambda: Plan(steps=2000, learning_rate=5e-3))
    chunk: int = 64
    streams: int = 96
    curriculum: Curriculum = field(default_factory=Curriculum)
    cut: World | None = None
    uninformative: tuple[str, ...] = ("unknown",)

    def __post_init__(self) -> None:
        for name in ("chunk", "streams"):
            if getattr(self, name) < 1:
                raise InputError(f"teaching a memory: {name} must be 1 or more; got {getattr(self, name)!r}")

    def of(self, reels: Sequence[Reel], classes: Sequence[str], seed: int) -> Streams:
        """The streams to learn from."""
        if self.cut is not None:
            return Recut(reels, classes, self.cut, self.streams, seed, self.curriculum)
        thin = [classes.index(name) for name in self.uninformative if name in classes]
        return Footage(reels, thin, self.streams, seed, self.curriculum)

    def identity(self) -> dict[str, Any]:
        """What a checkpoint of this teaching must agree with, as JSON holds it."""
        cut = None if self.cut is None else as_data(self.cut)
        return {
            "chunk": self.chunk,
            "streams": self.streams,
            "curriculum": asdict(self.curriculum),
            "cut": cut,
            "thin": list(self.uninformative),
        }


def teach_eye(
    config: WatcherConfig,
    reels: Sequence[Reel],
    teaching: EyePlan,
    seed: int,
    report: Report | None = None,
    checkpoint: Path | None = None,
    save_every: int = 100,
) -> Eye:
    """An eye taught on reels of frames; its probabilities still to be calibrated."""
    torch.manual_seed(seed)
    eye = Eye(len(config.classes), config.width, config.embedding)
    identity = {
        "what": "eye",
        "config": _seen(config),
        "seed": seed,
        "batch": teaching.batch,
        "coarse": teaching.coarse,
        "reels": _marks(reels),
    }
    lesson = EyeLesson(eye, reels, teaching.batch, seed, teaching.coarse)
    Trainer(lesson, teaching.plan, identity).run(report, checkpoint, save_every)
    return eye


def calibrate_on(eye: Eye, reels: Sequence[Reel]) -> None:
    """Calibrate the eye on reels of its embeddings that it was not taught on."""
    events = torch.cat([torch.from_numpy(reel.events) for reel in reels])
    calibrate(eye, events, torch.cat([torch.from_numpy(reel.labels) for reel in reels]))


@dataclass(frozen=True)
class ContextJob:
    """All that teaching one context takes; may travel to another process."""

    config: WatcherConfig
    reels: Sequence[Reel]
    teaching: ContextPlan
    seed: int
    checkpoint: Path | None = None
    save_every: int = 100

    def run(self, report: Report | None = None) -> Context:
        """The context taught on the reels of embeddings."""
        torch.manual_seed(self.seed)
        config = self.config
        context = Context.of(config)
        streams = self.teaching.of(self.reels, config.classes, self.seed)
        identity = {
            "what": "context",
            "config": config.as_dict(),
            "seed": self.seed,
            "reels": _marks(self.reels),
            **self.teaching.identity(),
        }
        lesson = ContextLesson(context, streams, self.teaching.chunk)
        Trainer(lesson, self.teaching.plan, identity).run(report, self.checkpoint, self.save_every)
        return context


def teach_jointly(
    config: WatcherConfig,
    reels: Sequence[Reel],
    teaching: ContextPlan,
    seed: int,
    report: Report | None = None,
    checkpoint: Path | None = None,
    save_every: int = 100,
) -> Watcher:
    """A watcher whose eye and context are taught together, on reels of frames."""
    torch.manual_seed(seed)
    watcher = Watcher(config)
    if watcher.context is None:
        raise ValueError("a watcher without a memory has nothing to be taught jointly")
    streams = teaching.of(reels, config.classes, seed)
    identity = {
        "what": "joint",
        "config": config.as_dict(),
        "seed": seed,
        "reels": _marks(reels),
        **teaching.identity(),
    }
    lesson = JointLesson(watcher.eye, watcher.context, streams, teaching.chunk)
    Trainer(lesson, teaching.plan, identity).run(report, checkpoint, save_every)
    return watcher.eval()


def _seen(config: WatcherConfig) -> dict[str, Any]:
    """The part of a config that the eye depends on."""
    others = ("memory", "hidden", "window", "stride")
    return {name: value for name, value in config.as_dict().items() if name not in others}


def _marks(reels: Sequence[Reel]) -> list[list[Any]]:
    """What tells footage from other footage, or from the same with other labels."""
    return [[reel.name, len(reel), _digest(reel)] for reel in reels]


def _digest(reel: Reel) -> str:
    digest = sha256("\n".join(reel.looks).encode())
    # Embeddings are left out: they follow from the eye, which has a checkpoint of its own.
    frames = [reel.events] if reel.events.dtype == np.uint8 else []
    for values in (reel.times, reel.labels, reel.spans, *frames):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]
