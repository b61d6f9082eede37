"""Settings of a watcher's training: frame classifier and context."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...errors import InputError
from ...layers.execution.precision import Precision, check_precision
from ...tv import World
from ...tv.world_files import world_to_dict
from ..data.labelled_video import LabelledVideo
from ..data.remixed_streams import RemixedStreams
from ..data.streams import Curriculum, Streams
from ..data.video_streams import VideoStreams
from .trainer import OptimizerSettings


@dataclass(frozen=True)
class FrameClassifierTraining:
    """Settings of the frame classifier's training.

    Args:
        plan: Steps and learning rate.
        batch: Frames in a step.
        coarse: Share of the steps, from the first, in which frames have half the size.
        precision: "bfloat16" for convolutions that round what they multiply to bfloat16 in training, which is faster on
            processors with instructions for it.

    Raises:
        InputError: A setting is out of range.
    """

    plan: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(steps=1600, learning_rate=3e-3))
    batch: int = 128
    coarse: float = 0.5
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_precision(self.precision)
        if self.batch < 2:  # batch normalisation needs a variance
            raise InputError(
                f"training the frame classifier: batch must be 2 frames or more; got {self.batch!r}"
            )
        if not 0 <= self.coarse < 1:  # the last steps have frames of full size
            raise InputError(f"training the frame classifier: coarse must lie in [0, 1); got {self.coarse!r}")

    def identity(self) -> dict[str, Any]:
        """Settings that a checkpoint of this training must agree with, for JSON."""
        return {"batch": self.batch, "coarse": self.coarse, "precision": self.precision}


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
