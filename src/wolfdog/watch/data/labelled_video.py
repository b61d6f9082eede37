"""Labelled videos: for each frame an event and a label, ready for training."""

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
    """Events and labels of one video, frame by frame.

    Args:
        name: Name of the video in its labels file.
        times: Seconds [F].
        labels: Indices into the classes [F]; UNLABELLED where no span covers the frame.
        spans: Number of the labelled span (for example a shot) that covers each frame [F]; -1 where none does.
        looks: Look of each span as its labels file names it; "" where it names none.
        events: Frames [F, H, W, 3] uint8, or their embeddings [F, E] float32.
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
    """Labels in use, sorted by name.

    Args:
        labels: Spans of each video.

    Returns:
        Names of the classes.

    Raises:
        LabelsError: There are fewer than two.
    """
    classes = tuple(sorted({span.label for spans in labels.values() for span in spans}))
    if len(classes) < 2:
        raise LabelsError(
            f"labels: expected two classes or more to tell apart, got {', '.join(classes) or 'none'}"
        )
    return classes


def read_labelled_video(
    path: Path, name: str, spans: Sequence[LabelSpan], classes: Sequence[str], fps: float, size: int
) -> LabelledVideo:
    """Labelled video from a video file.

    Args:
        path: The video.
        name: Name of the video in its labels file.
        spans: Labelled spans of the video.
        classes: Names of the classes.
        fps: Frames per second to read.
        size: Pixels of a frame's side.

    Returns:
        The video with frames [F, size, size, 3] as events.

    Raises:
        MediaError: The video cannot be read.
        LabelsError: A span has a label that is none of the classes.
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
    """Labelled video with embeddings [F, E] in place of its frames [F, H, W, 3].

    Args:
        frame_classifier: Network that embeds the frames.
        video: Labelled video of frames.
        batch: Frames that are embedded together.

    Returns:
        The same video with other events.
    """
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
    """Labelled videos of the files that have labels, in the order of `paths`.

    Args:
        paths: Video files.
        root: Folder that the names in `labels` start from.
        labels: Spans of each video.
        classes: Names of the classes.
        fps: Frames per second to read.
        size: Pixels of a frame's side.
        progress: Called with the number of videos that are done.
        develop: Function whose result is kept in place of each video, for example its embeddings; None keeps the video.

    Returns:
        The labelled videos.

    Raises:
        InputError: No video has labels.
        MediaError: A video cannot be read.
        LabelsError: A span has a label that is none of the classes.
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
    """Names of some labelled videos whose files are missing; "" if none is missing.

    Args:
        labels: Spans of each video.
        paths: Video files that exist.
        root: Folder that the names in `labels` start from.

    Returns:
        Three names at most, and the number of the others.

    Examples:
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
    """Labelled video of each path in order, None for a path without labels; the next files are decoded meanwhile."""

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
