"""Training objectives of the frame classifier, of the context, and of both together."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ...layers import detach
from ...layers.cell.state import State, tensors
from ...layers.execution.precision import Precision
from ..data.labelled_video import UNLABELLED, LabelledVideo
from ..data.streams import StreamBatch, Streams
from ..distributed import SINGLE, Processes
from ..model.context import Context
from ..model.frame_classifier import FrameClassifier
from .frame_places import FramePlaces


class FrameObjective:
    """Cross entropy of frames drawn at random with equal class frequencies, each with random augmentation.

    In the first part of the training, frames of 32 pixels or more each way have half the size: the encoder pools over
    positions, so most of what it learns carries over, at a quarter of the cost (progressive resizing, Tan and Le 2021,
    "EfficientNetV2").

    Args:
        module: Frame classifier.
        footage: Labelled videos whose events are frames.
        batch: Frames in a step.
        seed: Of the drawing.
        coarse: Share of the training in which frames are halved.
        blank: Position of the class that says that nothing is there.
        processes: Processes of the training; each has a share of the frames.
        precision: "bfloat16" for convolutions that round what they multiply to it.

    Raises:
        InputError: No frame has a label, or there are fewer frames in a step than processes.
    """

    def __init__(
        self,
        module: FrameClassifier,
        footage: Sequence[LabelledVideo],
        batch: int,
        seed: int,
        coarse: float = 0.0,
        blank: int | None = None,
        processes: Processes = SINGLE,
        precision: Precision = "float32",
    ) -> None:
        processes.check_divisible(batch, "frames of a step")
        self._reduced = precision == "bfloat16"
        self.module = module
        self._batch, self._coarse = batch, coarse
        self._share = processes.share(batch)
        self._rng = np.random.default_rng(seed)
        self._footage = footage
        self._places = FramePlaces(footage, blank)
        if not self._places.classes:
            raise InputError("nothing to learn to see: no frame of the footage has a label")

    def loss(self, progress: float) -> Tensor:
        self._places.expect(self.module, progress)
        labels = self._rng.choice(self._places.classes, self._batch)
        where = [self._places.draw(int(label), self._rng) for label in labels]
        frames = vary(
            torch.from_numpy(np.stack([self._footage[video].events[frame] for video, frame in where])),
            self._rng,
            share=self._share,
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=self._reduced):
            _, logits = self.module(halved(frames) if progress < self._coarse else frames)
        own = torch.from_numpy(labels[self._share])
        logits = logits.float() if self._reduced else logits
        return F.cross_entropy(logits, own, reduction="sum") / self._batch

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        held, notes = self._places.state_dict()
        return held, {"rng": self._rng.bit_generator.state, **notes}

    def load_state_dict(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        self._rng.bit_generator.state = notes["rng"]
        self._places.load_state_dict(tensors, notes)


def vary(frames: Tensor, rng: np.random.Generator, *, share: slice = slice(None)) -> Tensor:
    """Random augmentation of frames: shifts by up to a sixteenth, mirroring, and brightness from 0.8 to 1.2.

    Args:
        frames: [N, H, W, 3] uint8.
        rng: Source of random numbers, of which all N frames take theirs.
        share: Frames that are wanted.

    Returns:
        Those frames, each of the same shape.

    Examples:
        >>> vary(torch.full((2, 16, 16, 3), 100, dtype=torch.uint8), np.random.default_rng(0)).shape
        torch.Size([2, 16, 16, 3])
    """
    count, height, width, _ = frames.shape
    reach = (height // 16, width // 16)
    rows, columns = (
        torch.from_numpy(rng.integers(-most, most + 1, (count, 1))) + torch.arange(length)
        for most, length in zip(reach, (height, width), strict=True)
    )
    mirrored = torch.from_numpy(rng.random(count) < 0.5)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns).clamp(0, width - 1)
    rows = rows.clamp(0, height - 1) + height * torch.arange(count)[:, None]
    pixels = (rows[share, :, None] * width + columns[share, None]).flatten()
    # index_select over whole pixels is four times as fast as indexing by frame, row and column
    moved = frames.reshape(-1, 3).index_select(0, pixels).view(-1, *frames.shape[1:])
    light = torch.from_numpy(rng.uniform(0.8, 1.2, (count, 1, 1, 1)).astype(np.float32)[share])
    return (moved * light).clamp_(0, 255).to(torch.uint8)


def halved(frames: Tensor) -> Tensor:
    """Frames at half the height and width, by the mean of every 2 by 2 pixels; small frames are unchanged.

    Args:
        frames: [N, H, W, 3] uint8.

    Returns:
        The frames.

    Examples:
        >>> halved(torch.zeros(2, 64, 48, 3, dtype=torch.uint8)).shape
        torch.Size([2, 32, 24, 3])
    """
    height, width = frames.shape[1:3]
    if min(height, width) < 32:
        return frames
    even = frames[:, : height - height % 2, : width - width % 2].float()
    pairs = even[:, ::2] + even[:, 1::2]
    fours = pairs[:, :, ::2] + pairs[:, :, 1::2]
    return fours.div_(4).round_().to(torch.uint8)


class _StreamObjective:
    """Truncated backpropagation through time: consecutive chunks of many streams, with the state carried over.

    Of memories with `query_every` above 1, one in so many moments of a chunk is evaluated, with a different offset in
    each chunk. Of several processes, each draws all streams and reads its share of them.
    """

    module: nn.Module

    def __init__(self, context: Context, streams: Streams, chunk: int, processes: Processes) -> None:
        self._context, self._streams = context, streams
        self._chunk, self._processes = chunk, processes
        self._state: State = ()
        self._drawn = 0

    def _next(self, progress: float) -> tuple[StreamBatch, slice, Tensor]:
        """Next chunk of this process's streams, the slice of it that is evaluated, and the labels of all streams."""
        every = min(self._context.memory.query_every, self._chunk)
        query = slice(self._drawn % every, None, every)
        self._drawn += 1
        drawn = self._streams.draw(self._chunk, progress)
        count = drawn.labels.shape[1]
        self._processes.check_divisible(count, "streams")
        return drawn.of(self._processes.share(count)), query, drawn.labels

    def _remembered(self, embeddings: Tensor, chunk: StreamBatch, query: slice) -> Tensor:
        """Context logits [Q, N, classes] of the moments of the query."""
        before = None if self._state == () else self._state
        logits: Tensor
        logits, after = self._context(embeddings, before, chunk.resets, chunk.times, query)
        self._state = detach(after)
        return logits

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        by_process = self._processes.gather(lambda: [part.clone() for part in tensors(self._state)])
        whole = [torch.cat(parts) for parts in zip(*by_process, strict=True)]
        return {f"state.{number}": part for number, part in enumerate(whole)}, {
            "streams": self._streams.state_dict(),
            "form": _form(self._state),
            "drawn": self._drawn,
        }

    def load_state_dict(self, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        self._streams.load_state_dict(notes["streams"])
        whole = [tensors[f"state.{number}"] for number in range(len(tensors))]
        parts = iter([part[self._processes.share(len(part))] for part in whole])
        self._state, self._drawn = _formed(notes["form"], parts), int(notes["drawn"])


class ContextObjective(_StreamObjective):
    """Cross entropy of a context's labels, on streams of embeddings of a trained frame classifier."""

    def __init__(self, module: Context, streams: Streams, chunk: int, processes: Processes = SINGLE) -> None:
        super().__init__(module, streams, chunk, processes)
        self.module = module

    def loss(self, progress: float) -> Tensor:
        drawn, query, labels = self._next(progress)
        logits = self._remembered(drawn.events, drawn, query)
        return _cross_entropy(logits, drawn.labels[query], labels[query])


class JointObjective(_StreamObjective):
    """Cross entropy of snapshot and context labels, for training frame classifier and context together from frames."""

    def __init__(
        self,
        frame_classifier: FrameClassifier,
        context: Context,
        streams: Streams,
        chunk: int,
        processes: Processes = SINGLE,
    ) -> None:
        super().__init__(context, streams, chunk, processes)
        self.module = nn.ModuleDict({"classifier": frame_classifier, "context": context})
        self._eye = frame_classifier

    def loss(self, progress: float) -> Tensor:
        drawn, query, labels = self._next(progress)
        length, count = drawn.labels.shape
        embeddings, snapshot = self._eye(drawn.events.flatten(0, 1))
        context = self._remembered(embeddings.view(length, count, -1), drawn, query)
        seen = _cross_entropy(snapshot.view(length, count, -1), drawn.labels, labels)
        return seen + _cross_entropy(context, drawn.labels[query], labels[query])


def _cross_entropy(logits: Tensor, labels: Tensor, of_all: Tensor) -> Tensor:
    """Sum over the labelled moments of this process [T, N], divided by the number of those of all processes.

    It is 0 where there are none, for which torch's mean is NaN.
    """
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNLABELLED, reduction="sum")
    return total / (of_all != UNLABELLED).sum().clamp(min=1)


def _form(state: State) -> list[Any] | None:
    """Structure of a state for JSON: None for a tensor, a list for a tuple."""
    return [_form(part) for part in state] if isinstance(state, tuple) else None


def _formed(form: list[Any] | None, parts: Iterator[Tensor]) -> State:
    """State of that structure, from its tensors."""
    return next(parts) if form is None else tuple(_formed(part, parts) for part in form)
