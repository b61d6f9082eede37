"""Watcher network: a frame classifier and a context, from video to moments."""

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ...atomic import atomic_write
from ...checkpoint import load_checkpoint, save_checkpoint
from ...errors import CheckpointError, InputError
from ...extras import needs_extra
from ..moments import Evidence, Moment
from ..video.sampling import Rate
from ..video.source import Frame, VideoSource, batches
from .config import WatcherConfig
from .context import Context
from .frame_classifier import FrameClassifier
from .memory import Reach
from .registry import NO_MEMORY
from .unremembered import left_to_snapshot

KIND = "wolfdog watcher"
WEIGHTS, SETTINGS = "watcher.safetensors", "watcher.toml"
LEAST_WEIGHT = 1e-3
"""Least weight of a past moment that is evidence."""
PRETRAINED = Path(__file__).with_name("pretrained")
"""Watcher of painted television that comes with wolfdog; docs/how-to/training.md describes its training."""


class Watcher(nn.Module):
    """Network that gives every frame a snapshot label and a context label.

        e_t = encoder(frame_t)                       snapshot_t = softmax(W e_t + b)
        STM_t, state_t = memory(e_t, state_{t-1})    context_t  = softmax(V STM_t + d)

    Without a memory (config.memory "none") the context is the snapshot.

    `watcher(frames, state=None, resets=None, times=None)` takes frames [T, N, H, W, 3] uint8, resets [T, N] bool and
    times [T, N] in seconds (for attention memories), and returns (snapshot logits [T, N, classes], context logits [T,
    N, classes], state).

    Args:
        config: Settings.

    Examples:
        >>> watcher = Watcher(WatcherConfig(classes=("wolf", "dog"), fps=5.0, memory="gru")).eval()
        >>> snapshot, context, state = watcher(torch.zeros(3, 1, 64, 64, 3, dtype=torch.uint8))
        >>> context.shape
        torch.Size([3, 1, 2])
    """

    def __init__(self, config: WatcherConfig) -> None:
        super().__init__()
        self.config = config
        classes = len(config.classes)
        self.frame_classifier = FrameClassifier(classes, width=config.width, embedding=config.embedding)
        self.context: Context | None = None
        if config.memory != NO_MEMORY:
            self.context = Context.of(config)

    def forward(
        self,
        frames: Tensor,
        state: Any = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Any]:
        embeddings, snapshot = self._seen(frames)
        if self.context is None:
            return snapshot, snapshot, None
        context, state = self.context(embeddings, state, resets, times)
        return snapshot, left_to_snapshot(context, snapshot, self.context.unremembered), state

    def _seen(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [T, N, E] and snapshot logits [T, N, classes] of frames [T, N, H, W, 3]."""
        embeddings, snapshot = self.frame_classifier(frames.flatten(0, 1))
        return embeddings.unflatten(0, frames.shape[:2]), snapshot.unflatten(0, frames.shape[:2])

    @torch.no_grad()
    def watch(
        self,
        source: str | PathLike[str] | Iterable[Frame],
        name: str | None = None,
        *,
        evidence: bool = False,
    ) -> Iterator[Moment]:
        """Moments of one deployment, from a video file or an iterable of frames, in bounded memory.

        Args:
            source: Video file, decoded at `config.fps` frames a second; or frames.
            name: Name of the video in the moments; None: its file name.
            evidence: Whether moments hold the past frames with the largest attention weights.

        Returns:
            The moments, as frames are decoded.

        Raises:
            MediaError: The video cannot be read, or is damaged; raised after the moments before the damage.
            InputError: Evidence of a memory that has no attention weights.
        """
        if evidence and self.reach is None:
            raise InputError(
                f"evidence: the memory {self.config.memory} cannot say what it looked at; attention, memory-network, "
                "lstmn, and cells with +attention or +bank can"
            )
        self.eval()
        if not isinstance(source, str | PathLike):
            yield from self._moments(source, name or "", evidence)
            return
        with VideoSource(source, size=self.config.size, sampling=Rate(self.config.fps)) as video:
            yield from self._moments(video, name or Path(source).name, evidence)

    @property
    def reach(self) -> Reach | None:
        """Span of the past that the memory holds; None where it has no attention weights."""
        return None if self.context is None else self.context.memory.reach

    def _moments(self, frames: Iterable[Frame], name: str, evidence: bool) -> Iterator[Moment]:
        classes, state = self.config.classes, None
        for batch in batches(frames, 32):
            images = torch.from_numpy(np.stack([frame.image for frame in batch]))[:, None]
            times = torch.tensor([[frame.time] for frame in batch], dtype=torch.float64)
            looked: list[tuple[Evidence, ...]] = [()] * len(batch)
            if evidence and self.context is not None:
                embeddings, snapshot = self._seen(images)
                context, state, found = self.context.look(embeddings, state, None, times)
                context = left_to_snapshot(context, snapshot, self.context.unremembered)
                looked = [
                    _evidence(*of_one)
                    for of_one in zip(*(part[:, 0].tolist() for part in found), strict=True)
                ]
            else:
                snapshot, context, state = self(images, state, None, times)
            said = [logits[:, 0].softmax(-1).numpy() for logits in (snapshot, context)]
            for frame, alone, remembering, at in zip(batch, *said, looked, strict=True):
                yield Moment(
                    video=name,
                    frame=frame.index,
                    time=frame.time,
                    snapshot=classes[int(alone.argmax())],
                    context=classes[int(remembering.argmax())],
                    snapshot_probabilities=alone,
                    context_probabilities=remembering,
                    duration=frame.duration,
                    evidence=at,
                )

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the watcher into a folder.

        The weights and settings are in watcher.safetensors; watcher.toml repeats the settings as text.

        Args:
            folder: Created where it does not exist.

        Raises:
            CheckpointError: The watcher cannot be written.
        """
        with needs_extra("watch", "saving a watcher"):
            import tomli_w
        folder = Path(folder)
        save_checkpoint(folder / WEIGHTS, KIND, self.state_dict(), self.config.as_dict())
        try:
            with atomic_write(folder / SETTINGS) as file:
                file.write(
                    "# What this watcher is made of, to read; watcher.safetensors holds it too, and decides.\n"
                )
                file.write(tomli_w.dumps(self.config.as_dict()))
        except OSError as error:
            raise CheckpointError(f"{folder / SETTINGS}: cannot be written: {error}") from error

    @classmethod
    def load(cls, path: str | PathLike[str] | None = None) -> Self:
        """Watcher saved in a folder or in a watcher.safetensors.

        Args:
            path: Folder or file; None: the watcher that comes with wolfdog.

        Returns:
            The watcher.

        Raises:
            CheckpointError: There is no watcher, or it is damaged.
        """
        path = PRETRAINED if path is None else Path(path)
        if path.is_dir():
            path = path / WEIGHTS
        tensors, notes = load_checkpoint(path, KIND)
        config = WatcherConfig.from_dict(notes)
        with torch.device("meta"):  # no memory yet: the settings of a damaged file may ask for any amount
            watcher = cls(config)
        wrong = [
            f"{name} should be {like.dtype} and finite"
            for name, like in watcher.state_dict().items()
            if name in tensors and (tensors[name].dtype != like.dtype or not tensors[name].isfinite().all())
        ]
        if wrong:
            raise CheckpointError(f"{path}: its weights are damaged: {wrong[0]}")
        try:
            watcher.load_state_dict(tensors, assign=True)
        except RuntimeError as error:
            raise CheckpointError(f"{path}: its weights do not fit its settings: {error}") from error
        return watcher.eval()


def _evidence(weights: list[float], times: list[float]) -> tuple[Evidence, ...]:
    """Past moments whose weight is large enough to be evidence."""
    return tuple(
        Evidence(time, weight) for weight, time in zip(weights, times, strict=True) if weight >= LEAST_WEIGHT
    )
