"""Fine-tuning of a pretrained network on labelled frames, with its linear head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ...errors import InputError, MediaError
from ...labels import LabelSpan, spans_at
from ..classifiers.chosen_frames import FrameChoice, LookOptions
from ..classifiers.efficientnet_lite import EfficientNetLite
from ..classifiers.linear_head import LinearHead, fit_linear_head
from ..classifiers.preprocessing import Preprocessing
from ..distributed import SINGLE, Processes
from ..progress import Done, Stages
from ..video.container import announced_seconds, open_video
from ..video.decoding import Decoding
from ..video.sampling import Rate
from .cross_fitting import divided
from .objectives import vary

MOST_FRAMES = 3000
"""Largest number of frames that are held in memory, 150 KB each."""


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """Settings of the fine-tuning.

    Args:
        steps: Steps of AdamW.
        batch: Frames in a step; classes are drawn with equal frequency.
        rate: Learning rate of the network; the head's is ten times as high. Both fall to zero along a cosine.
        convolutions: Number of convolutions that are trained, at the network's end; those before stay as they are.
        seed: Of the drawing of frames.

    Raises:
        InputError: A setting is out of range.
    """

    steps: int = 200
    batch: int = 16
    rate: float = 1e-4
    convolutions: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.convolutions) < 1 or not self.rate > 0:
            raise InputError(f"fine-tuning: steps, batch, convolutions and rate must be above 0, got {self}.")


@dataclass(frozen=True, eq=False)
class LabelledFrames:
    """Labelled frames as images of a network's input size.

    Attributes:
        images: Images [N, height, width, 3], uint8.
        labels: Positions of classes [N].
        media: Names of the videos [N].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    media: NDArray[np.object_]


@dataclass(frozen=True)
class Tuned:
    """Result of the fine-tuning.

    Attributes:
        head: The trained head; None where fine-tuning was not better on held-out videos.
        loss_before: Log loss on held-out videos, of a head on the network as it was.
        loss_after: The same after the fine-tuning.
    """

    head: LinearHead | None
    loss_before: float
    loss_after: float


def read_frames(
    videos: Mapping[Path, str],
    labels: Mapping[str, Sequence[LabelSpan]],
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    *,
    fps: float,
    stages: Stages,
    most: int = MOST_FRAMES,
) -> LabelledFrames:
    """Labelled frames of videos, evenly thinned where there are many.

    Args:
        videos: Names of the files in `labels`.
        labels: Spans of each video.
        classes: K names.
        preprocessing: Of the network.
        fps: Frames a second that are read.
        stages: Shows progress.
        most: Largest number of frames.

    Returns:
        The frames as network input.

    Raises:
        InputError: No frame has a label.
    """
    images: list[NDArray[np.uint8]] = []
    found: list[int] = []
    media: list[str] = []
    share = max(1, most // max(1, len(videos)))
    with stages("reading frames", len(videos)) as done:
        for number, (path, name) in enumerate(videos.items()):
            spans = labels[name]
            index = np.array([classes.index(span.label) for span in spans] + [-1])
            seconds = sum(_lasting(span) for span in spans)
            try:
                container, stream = open_video(path)
            except MediaError:  # said when its features were read
                continue
            with container:
                length = announced_seconds(container, stream)
                lasting = min(seconds, length) if length else seconds
                rate = min(fps, share / max(lasting, 1e-3)) if lasting < np.inf else fps
                options = LookOptions(sampling=Rate(rate))
                pixel_aspect = float(stream.sample_aspect_ratio or 1)
                choice = FrameChoice(str(path), preprocessing, options, pixel_aspect)
                for piece in choice.pieces(Decoding(container, stream)):
                    times, numbers = ([one.time for one in piece.frames], [one.index for one in piece.frames])
                    known = index[spans_at(spans, times, frames=numbers)]
                    for one, label in zip(piece.frames, known.tolist(), strict=True):
                        if label >= 0 and one.whole is not None and len(images) < most:
                            images.append(one.whole)
                            found.append(label)
                            media.append(name)
            done(number + 1, "")
    if not images:
        raise InputError("fine-tuning needs labelled frames: no label meets a frame of these videos.")
    return LabelledFrames(np.stack(images), np.array(found, np.int64), np.array(media, object))


def _lasting(span: LabelSpan) -> float:
    """Seconds of a span; without end where it counts frames, whose rate is not known."""
    return span.end - span.start if span.unit == "seconds" else np.inf


def fine_tune(
    network: EfficientNetLite,
    frames: LabelledFrames,
    classes: tuple[str, ...],
    options: FineTuning | None = None,
    *,
    stages: Stages,
    processes: Processes = SINGLE,
) -> Tuned:
    """Train the end of a network and a head on labelled frames; a fifth of the videos is held out.

    The head starts from the solution on the frozen network's features. The network's weights are changed in place, and
    restored where the held-out log loss is no better than before.

    Args:
        network: With the published weights.
        frames: Training data.
        classes: K names.
        options: Settings.
        stages: Shows progress.
        processes: Processes that train together, each with the same frames.

    Returns:
        The head, and the held-out loss before and after.

    Raises:
        InputError: Fewer than two videos have labels.
    """
    options = options or FineTuning()
    processes.check_divisible(options.batch, "frames of a step")
    parts = divided(frames.media.tolist(), frames.labels, 5)
    if len(set(frames.media.tolist())) < 2:
        raise InputError("fine-tuning needs labels in two videos or more: one is held out to judge it.")
    held = parts == 0
    before = {name: value.clone() for name, value in network.state_dict().items()}
    features = _features(network, frames.images, processes)
    head = processes.from_first(lambda: fit_linear_head(features[~held], frames.labels[~held], classes))
    judged = held & np.isin(frames.labels, np.unique(frames.labels[~held]))
    loss_before = _loss(head, features[judged], frames.labels[judged])
    with stages("fine-tuning the network", options.steps) as done:
        tuned = _trained(network, head, frames.images[~held], frames.labels[~held], options, done, processes)
    loss_after = _loss(tuned, _features(network, frames.images[judged], processes), frames.labels[judged])
    if not loss_after < loss_before:
        network.load_state_dict(before)
        return Tuned(None, loss_before, loss_after)
    return Tuned(tuned, loss_before, loss_after)


def _trained(
    network: EfficientNetLite,
    head: LinearHead,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    options: FineTuning,
    done: Done,
    processes: Processes,
) -> LinearHead:
    rng, share = np.random.default_rng(options.seed), processes.share(options.batch)
    weight, bias = (nn.Parameter(torch.from_numpy(part.copy())) for part in (head.weight, head.bias))
    learned = [*network.weights[-options.convolutions :], *network.biases[-options.convolutions :]]
    for parameter in learned:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        [{"params": learned, "lr": options.rate}, {"params": [weight, bias], "lr": 10 * options.rate}],
        weight_decay=1e-4,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    places = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for step in range(options.steps):
        rows = [int(rng.choice(places[int(rng.integers(len(places)))])) for _ in range(options.batch)]
        features, _ = network(vary(torch.from_numpy(images[rows]), rng, share=share))
        own = torch.from_numpy(labels[rows][share])
        loss = F.cross_entropy(F.linear(features, weight, bias), own, reduction="sum") / options.batch
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        processes.add_gradients([*learned, weight, bias])
        optimizer.step()
        schedule.step()
        done(step + 1, f"loss {processes.total(loss):.3f}")
    for parameter in learned:
        parameter.requires_grad_(False)
    return LinearHead(head.classes, weight.detach().numpy(), bias.detach().numpy())


def _features(
    network: EfficientNetLite, images: NDArray[np.uint8], processes: Processes, batch: int = 32
) -> NDArray[np.float32]:
    own = images[processes.share(len(images))]

    @torch.no_grad()
    def read() -> list[NDArray[np.float32]]:
        starts = range(0, len(own), batch)
        return [network(torch.from_numpy(own[start : start + batch]))[0].numpy() for start in starts]

    parts = [part for of_one in processes.gather(read) for part in of_one]
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _loss(head: LinearHead, features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Log loss; infinite where there are no frames."""
    if not len(labels):
        return float("inf")
    said = head.probabilities(features)
    return float(-np.log(said[np.arange(len(labels)), labels].clip(1e-7)).mean())
