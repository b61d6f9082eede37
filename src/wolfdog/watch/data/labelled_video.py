"""Labelled footage, ready to learn from: for each video its events and what they are labelled."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError, LabelsError
from ...labels import LabelSpan, spans_at
from ..model.frame_classifier import FrameClassifier
from ..video.sampling import Rate
from ..video.source import VideoSource

READERS = 2
"""Videos decoded at once: the decoder leaves other threads running."""

UNLABELLED = -100
"""The label of a moment that nobody labelled: torch's cross entropy leaves it out."""


@dataclass(frozen=True, eq=False)
class LabelledVideo:
    """One video, frame by frame: what the network reads, and what it is to say.

    Args:
        name: the video's name in its labels file.
        times: [F] seconds.
        labels: [F] indices into the classes; UNLABELLED where no span covers the frame.
        spans: [F] number of the labelled span (a shot, say) that covers the frame; -1 where none does.
        looks: for each span, what its labels file says that it looks like; "" where it does not say.
        events: [F, H, W, 3] uint8 frames, or [F, E] float32 embeddings of them.
    """

    name: str
    times: NDArray[np.float64]
    labels: NDArray[np.int64]
    spans: NDArray[np.int64]
    looks: tuple[str, ...]
    events: NDArray[np.uint8] | NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times)


def classes_of(labels: Mapping[str, Sequence[LabelSpan]]) -> tuple[str, ...]:
    """The labels in use, sorted by name. Raises LabelsError when there are fewer than two."""
    classes = tuple(sorted({span.label for spans in labels.values() for span in spans}))
    if len(classes) < 2:
        raise LabelsError(
            f"labels: expected two classes or more to tell apart, got {', '.join(classes) or 'none'}"
        )
    return classes


def read_labelled_video(
    path: Path, name: str, spans: Sequence[LabelSpan], classes: Sequence[str], fps: float, size: int
) -> LabelledVideo:
    """Decode a video at `fps` frames a second, [size, size] each, and lay its labels beside it.

    Raises MediaError when the video cannot be read, LabelsError when it holds a label that is not in
    `classes`.
    """
    strange = sorted({span.label for span in spans} - set(classes))
    if strange:
        raise LabelsError(f"{name}: labelled {strange[0]!r}; expected one of {', '.join(classes)}")
    frames, times = [], []
    with VideoSource(path, size=size, sampling=Rate(fps)) as source:
        for frame in source:
            frames.append(frame.image)
            times.append(frame.time)
    when = np.array(times)
    covering = spans_at(spans, when)
    index = np.array([classes.index(span.label) for span in spans] + [UNLABELLED])
    looks = tuple(span.look for span in spans)
    return LabelledVideo(name, when, index[covering], covering, looks, np.stack(frames))


def embed_video(frame_classifier: FrameClassifier, video: LabelledVideo, batch: int = 256) -> LabelledVideo:
    """The video as the frame classifier sees it: embeddings [F, E] in place of frames [F, H, W, 3]."""
    frame_classifier.eval()
    with torch.no_grad():
        parts = [
            frame_classifier(torch.from_numpy(video.events[start : start + batch]))[0]
            for start in range(0, len(video), batch)
        ]
    return replace(video, events=torch.cat(parts).numpy())


def read_labelled_videos(
    paths: Iterable[Path],
    root: Path,
    labels: Mapping[str, Sequence[LabelSpan]],
    *,
    classes: Sequence[str],
    fps: float,
    size: int,
    progress: Callable[[int], None],
    develop: Callable[[LabelledVideo], LabelledVideo] | None = None,
) -> list[LabelledVideo]:
    """The videos of those videos that have labels, `root` being the folder that the labels' names start from.

    `progress` is told how many videos are done; `develop` makes of each video what is kept of it (embeddings,
    say, in place of frames).

    Raises InputError when no video has labels, MediaError when one cannot be read.
    """
    footage = []
    for number, video in enumerate(_read_ahead(paths, root, labels, classes, fps, size)):
        if video is not None:
            footage.append(video if develop is None else develop(video))
        progress(number + 1)
    if not footage:
        raise InputError(
            f"{root}: none of its videos is named in the labels file, which names {_some(labels)}"
        )
    return footage


def not_there(labels: Mapping[str, object], paths: Iterable[Path], root: Path) -> str:
    """Some of the videos that are named in the labels and are none of `paths`; "" where all are there.

    >>> not_there({"a.mp4": [], "b.mp4": []}, [Path("tv/a.mp4")], Path("tv"))
    'b.mp4'
    """
    there = {path.relative_to(root).as_posix() for path in paths}
    return _some([name for name in labels if name not in there])


def _read_ahead(
    paths: Iterable[Path],
    root: Path,
    labels: Mapping[str, Sequence[LabelSpan]],
    classes: Sequence[str],
    fps: float,
    size: int,
) -> Iterator[LabelledVideo | None]:
    """The video of each video in order, None where it has no labels; the next ones are decoded meanwhile."""

    def read(path: Path) -> LabelledVideo | None:
        name = path.relative_to(root).as_posix()
        return read_labelled_video(path, name, labels[name], classes, fps, size) if name in labels else None

    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[LabelledVideo | None]] = deque()
        try:
            for path in paths:
                waiting.append(pool.submit(read, path))
                if len(waiting) > READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _some(labels: Iterable[str]) -> str:
    names = sorted(labels)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
