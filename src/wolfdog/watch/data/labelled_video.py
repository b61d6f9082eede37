"""Labelled footage, ready to learn from: for each video its events and its labels."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import LabelsError, MediaError
from ...labels import LabelSpan, present_at, rows_of, spans_at
from ..distributed import SINGLE, Processes
from ..model.frame_classifier import FrameClassifier
from ..video.footage import open_frames
from ..video.media import Medium
from ..video.sampling import Rate
from .span_fit import Misfit, misfits_by_frames

READERS = 2
"""Videos decoded at once: the decoder leaves other threads running."""

UNLABELLED = -100
"""Label of a moment that nobody labelled: torch's cross entropy leaves it out."""


class VideoBag(NamedTuple):
    """Frames of one video that belong to a bag, and the classes of which each is in at least one frame of the bag."""

    name: str
    """Name of the file or sequence; a sequence may have frames of several videos."""
    frames: NDArray[np.int64]
    """Positions of the frames that have no labels of their own."""
    classes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LabelledVideo:
    """Frames of one video, or their embeddings, with their labels.

    Args:
        name: Name of the video in its labels file.
        times: [F] seconds.
        labels: [F] indices into the classes; UNLABELLED where no span covers the frame.
        spans: [F] number of the labelled span (a shot, say) that covers the frame; -1 where none does.
        looks: For each span, its look in the labels file; "" where there is none.
        events: [F, H, W, 3] uint8 frames, or [F, E] float32 embeddings of them.
        further: [M, 2] frame and class of each further label, where several hold at a time.
        site: Site or camera, where the labels say it.
        bags: Labels of the whole file or of its sequence.
    """

    name: str
    times: NDArray[np.float64]
    labels: NDArray[np.int64]
    spans: NDArray[np.int64]
    looks: tuple[str, ...]
    events: NDArray[np.uint8] | NDArray[np.float32]
    further: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    site: str = ""
    bags: tuple[VideoBag, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def classes(self) -> set[int]:
        """Indices of the classes that it shows."""
        shown = set(np.unique(self.labels[self.labels != UNLABELLED]).tolist())
        return shown.union(self.further[:, 1].tolist(), *(bag.classes for bag in self.bags))


class ReadVideo(NamedTuple):
    """Result of reading one labelled video."""

    video: LabelledVideo | None
    """Its frames, as far as they can be decoded; None where there are none."""
    trouble: str | None
    """Reason why it could not be read to its end."""
    misfits: list[Misfit]
    """Labels that cover no frame."""


def read_labelled_video(
    path: Path,
    name: str,
    spans: Sequence[LabelSpan],
    classes: Sequence[str],
    fps: float,
    size: int,
    *,
    site: str = "",
) -> ReadVideo:
    """Frames of a video or an image, with its labels.

    Args:
        path: The file.
        name: Its name in the labels.
        spans: Its labels.
        classes: Names of the classes.
        fps: Frames a second that are read.
        size: Pixels; frames are scaled to [size, size].
        site: Its site or camera.

    Returns:
        The frames, and what was wrong.

    Raises:
        LabelsError: A label is none of `classes`.
    """
    check_classes(name, spans, classes)
    images, times, numbers = [], [], []
    trouble = None
    try:
        with open_frames(path, size, Rate(fps)) as (frames, _):
            for frame in frames:
                images.append(frame.image)
                times.append(frame.time)
                numbers.append(frame.index)
    except MediaError as error:
        trouble = str(error)
    if not images:
        return ReadVideo(None, trouble or f"{path}: no frame of it can be decoded.", [])
    when, number = np.array(times), np.array(numbers)
    covering = spans_at(spans, when, frames=number)
    index = np.array([classes.index(span.label) for span in spans] + [UNLABELLED])
    labels = index[covering]
    others = present_at(spans, classes, when, frames=number)
    covered = np.flatnonzero(covering >= 0)
    others[covered, labels[covered]] = False
    looks = tuple(span.look for span in spans)
    video = LabelledVideo(
        name,
        when,
        labels,
        covering,
        looks,
        np.stack(images),
        np.argwhere(others).astype(np.int64),
        site,
        _bags(spans, classes, when, number, covering < 0),
    )
    return ReadVideo(video, trouble, misfits_by_frames(name, spans, when, number))


def _bags(
    spans: Sequence[LabelSpan],
    classes: Sequence[str],
    times: NDArray[np.float64],
    numbers: NDArray[np.int64],
    free: NDArray[np.bool_],
) -> tuple[VideoBag, ...]:
    """Bags of a video, of the frames that are free of labels of their own."""
    members: dict[str, dict[int, NDArray[np.bool_]]] = {}
    for span in spans:
        if span.bag:
            rows = members.setdefault(span.bag, {}).setdefault(
                classes.index(span.label), np.zeros(len(times), bool)
            )
            rows[rows_of(span, times, frames=numbers)] = True
    found = []
    for name, by_class in members.items():
        frames = np.flatnonzero(np.logical_or.reduce(list(by_class.values())) & free)
        if len(frames):
            found.append(VideoBag(name, frames, tuple(by_class)))
    return tuple(found)


def check_classes(name: str, spans: Sequence[LabelSpan], classes: Sequence[str]) -> None:
    """Refuse labels that are none of the classes.

    Raises:
        LabelsError: As said.
    """
    strange = sorted({span.label for span in spans} - set(classes))
    if strange:
        raise LabelsError(f"{name}: labelled {strange[0]!r}; expected one of {', '.join(classes)}")


def embed_video(frame_classifier: FrameClassifier, video: LabelledVideo, batch: int = 256) -> LabelledVideo:
    """Video whose frames [F, H, W, 3] are replaced by their embeddings [F, E].

    Args:
        frame_classifier: Gives the embeddings.
        video: Of frames.
        batch: Frames that are embedded together.

    Returns:
        The video of embeddings.
    """
    frame_classifier.eval()
    encoder = frame_classifier.encoder.folded()
    with torch.no_grad():
        parts = [
            encoder(torch.from_numpy(video.events[start : start + batch]).permute(0, 3, 1, 2))
            for start in range(0, len(video), batch)
        ]
    return replace(video, events=torch.cat(parts).numpy())


@dataclass(frozen=True, eq=False)
class LabelledVideos:
    """Labelled videos of several files.

    Attributes:
        videos: Those that could be read, at least in part.
        troubles: Error messages of files that could not be read to their end.
        misfits: Labels that cover no frame.
    """

    videos: list[LabelledVideo]
    troubles: tuple[str, ...]
    misfits: tuple[Misfit, ...]


def read_labelled_videos(
    media: Sequence[Medium],
    labels: Mapping[str, Sequence[LabelSpan]],
    *,
    classes: Sequence[str],
    fps: float,
    size: int,
    progress: Callable[[int], None],
    sites: Mapping[str, str] | None = None,
    develop: Callable[[LabelledVideo], LabelledVideo] | None = None,
    processes: Processes = SINGLE,
) -> LabelledVideos:
    """Frames and labels of several files; the next ones are decoded while one is developed.

    Of a file that is damaged, the frames before the damage are used.

    Args:
        media: Files, each with a name in `labels`.
        labels: Spans of each.
        classes: Names of the classes.
        fps: Frames a second that are read.
        size: Pixels; frames are scaled to [size, size].
        progress: Called with the number of files that are done.
        sites: Sites of the files, by name.
        develop: Makes of each video what is kept of it (embeddings in place of frames, for one).
        processes: Processes that read together: each decodes its share of the files, and gets the frames of all.

    Returns:
        The videos, in the order of `media`.

    Raises:
        MediaError: No file can be read; the message names all.
        LabelsError: A label is none of `classes`.
    """
    footage: list[LabelledVideo] = []
    troubles: list[str] = []
    misfits: list[Misfit] = []

    def read(medium: Medium) -> ReadVideo:
        spans = labels[medium.name]
        site = (sites or {}).get(medium.name, "")
        return read_labelled_video(medium.path, medium.name, spans, classes, fps, size, site=site)

    def read_share() -> list[ReadVideo]:
        found = []
        for number, one in enumerate(_ahead(media[processes.share(len(media))], read)):
            kept = one.video if one.video is None or develop is None else develop(one.video)
            found.append(one._replace(video=kept))
            progress(number + 1)
        return found

    for one in (one for of_one in processes.gather(read_share) for one in of_one):
        if one.trouble is not None:
            troubles.append(one.trouble)
        if one.video is not None:
            footage.append(one.video)
        misfits += one.misfits
    if not footage:
        raise MediaError(f"no labelled video can be read: {' '.join(troubles)}")
    return LabelledVideos(footage, tuple(troubles), tuple(misfits))


def _ahead(media: Sequence[Medium], read: Callable[[Medium], ReadVideo]) -> Iterator[ReadVideo]:
    """Results in order, while the next files are read."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[ReadVideo]] = deque()
        try:
            for medium in media:
                waiting.append(pool.submit(read, medium))
                if len(waiting) > READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
