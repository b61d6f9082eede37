"""Real clips as streams of minutes: what a classifier says of their frames, clean and degraded, spliced together."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.atomic import atomic_write
from wolfdog.labels import LabelSpan, labels_at, read_labels
from wolfdog.watch.classifiers.clarity import clarity
from wolfdog.watch.classifiers.classifier import Classifier
from wolfdog.watch.classifiers.preprocessing import Image
from wolfdog.watch.video.discover import find_videos
from wolfdog.watch.video.sampling import Rate
from wolfdog.watch.video.source import VideoSource
from wolfdog.watch.world_memory.degradations import degrade
from wolfdog.watch.world_memory.streams import SimulatedStreams, log_of

FPS = 5.0
"""Frames that are looked at in a second."""
MOST_FRAMES = 100
"""Of a clip: the first 20 seconds."""
UNKNOWN = "unknown"
CHANNELS = (("bear", "wolf"), ("goldfish", "dog"))
"""What is seen together: an animal that tells the channel, and a canine."""


def _sixteenth(image: Image, frame: int) -> Image:
    """A sixteenth of the pixels that the classifier reads: a quarter of them on either side."""
    from PIL import Image as Pillow

    height, width = image.shape[:2]
    small = Pillow.fromarray(image).resize((width // 4, height // 4), Pillow.Resampling.BOX)
    return np.asarray(small.resize((width, height), Pillow.Resampling.BILINEAR))


def _as(name: str, severity: float) -> Callable[[Image, int], Image]:
    return lambda image, frame: degrade(image, name, severity, seed=7, frame=frame)


KINDS: dict[str, Callable[[Image, int], Image]] = {
    "clean": _as("clean", 0.0),
    "sixteenth": _sixteenth,
    "night": _as("night", 0.5),
    "motion blur": _as("motion-blur", 0.5),
    "half hidden": _as("hidden", 0.6),  # half of the width
}


@dataclass(frozen=True, eq=False)
class Clip:
    """Classification of a clip: probabilities [kinds, frames, K], clarity [kinds, frames], labels [frames] or -1."""

    name: str
    probabilities: NDArray[np.float32]
    clarity: NDArray[np.float32]
    labels: NDArray[np.int64]


def read_clips(
    folder: Path, classifier: Classifier, progress: Callable[[str], None], labels: Path | None = None
) -> list[Clip]:
    """Every video of a folder through the classifier, in each of `KINDS`.

    The labels are those of the file `labels`, or of FOLDER/labels.csv where there is one: spans of time, as for
    `wolfdog train`, or the columns file and label. Else a clip's class is the first word of its name, or its folder's
    name, where that is a class of the classifier, and `unknown` where neither is.
    """
    file = folder / "labels.csv" if labels is None else labels
    spans = _spans(file) if labels is not None or file.exists() else None
    clips = []
    for path in find_videos(folder):
        with VideoSource(path, size=classifier.preprocessing.height, sampling=Rate(FPS)) as source:
            frames = list(islice(source, MOST_FRAMES))
        images = [frame.image for frame in frames]
        p, clear = [], []
        for kind in KINDS.values():
            degraded = np.stack([kind(image, number) for number, image in enumerate(images)])
            p.append(classifier.classify(degraded).probabilities)
            clear.append(clarity(degraded))
        of_clip = None if spans is None else spans.get(path.relative_to(folder).as_posix(), [])
        of_frames = _labels(path, [frame.time for frame in frames], classifier.classes, of_clip)
        clips.append(Clip(path.name, np.stack(p), np.stack(clear), of_frames))
        progress(f"{path.name}: {len(frames)} frames")
    return clips


def save_clips(path: Path, clips: Sequence[Clip]) -> None:
    """Write what was seen of clips as an NPZ file, atomically."""
    arrays = {f"p {clip.name}": clip.probabilities for clip in clips}
    arrays |= {f"clarity {clip.name}": clip.clarity for clip in clips}
    arrays |= {f"labels {clip.name}": clip.labels for clip in clips}
    with atomic_write(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def load_clips(path: Path) -> list[Clip]:
    """What `save_clips` wrote."""
    with np.load(path, allow_pickle=False) as file:
        names = [name.removeprefix("p ") for name in file.files if name.startswith("p ")]
        return [
            Clip(name, file[f"p {name}"], file[f"clarity {name}"], file[f"labels {name}"]) for name in names
        ]


def _spans(file: Path) -> dict[str, list[LabelSpan]]:
    """Spans of each video; of a file without times, one span for each."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.DictReader(opened)
        if rows.fieldnames is not None and {"file", "label"} <= set(rows.fieldnames):
            return {row["file"]: [LabelSpan(0.0, 1e9, row["label"])] for row in rows}
    return read_labels(file)


def _labels(
    path: Path, times: Sequence[float], classes: tuple[str, ...], spans: Sequence[LabelSpan] | None
) -> NDArray[np.int64]:
    if spans is not None:
        named = [
            None if name is None else name if name in classes else UNKNOWN for name in labels_at(spans, times)
        ]
        return np.array([-1 if name is None else classes.index(name) for name in named], np.int64)
    words = (re.split(r"[^a-z]", path.stem.lower())[0], path.parent.name.lower())
    name = next((word for word in words if word in classes), UNKNOWN)
    return np.full(len(times), classes.index(name), np.int64)


def splice(
    clips: Sequence[Clip],
    classes: tuple[str, ...],
    *,
    streams: int,
    minutes: float,
    seed: int,
    mix: Sequence[float],
) -> SimulatedStreams:
    """Streams of spliced visits: bear or goldfish, other things, a canine of that channel, other things, ...

    An animal that tells the channel is in view for 10 s; other things for 6 to 42 s, half of whose visits have no
    label; a canine for 4 to 15 s. Each visit is of one clip in one kind, from any frame on, forwards and backwards
    where the clip is too short. The channel changes before one in three of the animals that tell it.

    Args:
        clips: of bears or goldfish, of canines, and of other things.
        classes: of the probabilities.
        streams: N.
        minutes: of each.
        seed: of everything.
        mix: share of each of `KINDS` among the visits.
    """
    rng = np.random.default_rng(seed)
    T = round(minutes * 60 * FPS)
    by_class = {name: [c for c in clips if (c.labels == k).any()] for k, name in enumerate(classes)}
    channels = [pair for pair in CHANNELS if by_class[pair[0]] and by_class[pair[1]]]
    if not channels or not by_class[UNKNOWN]:
        raise SystemExit(
            "clips: expected clips of bears and wolves, or goldfish and dogs, and of other things."
        )
    labels = np.full((T, streams), -1, np.int64)
    kinds = np.zeros((T, streams), np.int64)
    p = np.zeros((T, streams, len(classes)), np.float32)
    clear = np.full((T, streams), np.nan, np.float32)
    cuts = np.zeros((T, streams), bool)

    def visit(n: int, start: int, name: str, seconds: float, labelled: bool) -> int:
        clip = by_class[name][rng.integers(len(by_class[name]))]
        own = np.flatnonzero((clip.labels == classes.index(name)) | (clip.labels < 0))
        stop = min(T, start + max(1, round(seconds * FPS)))
        turn = np.concatenate((own, own[-2:0:-1]))  # to the end and back
        frames = turn[(rng.integers(len(turn)) + np.arange(stop - start)) % len(turn)]
        kind = rng.choice(len(KINDS), p=np.asarray(mix) / np.sum(mix))
        p[start:stop, n], kinds[start:stop, n] = clip.probabilities[kind, frames], kind
        clear[start:stop, n] = clip.clarity[kind, frames]
        labels[start:stop, n] = clip.labels[frames] if labelled else -1
        cuts[start:stop, n] = np.arange(stop - start) == 0
        return stop

    def others(n: int, start: int) -> int:
        stop = min(T, start + round(rng.uniform(6, 42) * FPS))
        while start < stop:
            seconds = min(rng.uniform(3, 12), (stop - start) / FPS)
            start = visit(n, start, UNKNOWN, seconds, labelled=bool(rng.random() < 0.5))
        return start

    for n in range(streams):
        t, channel = 0, channels[rng.integers(len(channels))]
        while t < T:
            if rng.random() < 1 / 3:
                channel = channels[rng.integers(len(channels))]
            t = others(n, visit(n, t, channel[0], 10, labelled=True))
            if t < T:
                t = others(n, visit(n, t, channel[1], rng.uniform(4, 15), labelled=True))
    seconds = np.full((T, streams), 1 / FPS, np.float32)
    seconds[0] = 0
    return SimulatedStreams(labels, log_of(p), seconds, clear, kinds, cuts)
