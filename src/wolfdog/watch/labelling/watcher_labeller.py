"""Labeller of one network: a watcher, whose memory reads its frame classifier's embeddings."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np

from ...errors import MediaError
from ...object_storage.fetching import fetched_ahead, local_copy
from ..model.memory import Reach
from ..model.watcher import Watcher
from ..moments import Moment
from ..video.container import MAX_PIXELS
from ..video.footage import live_frames, open_frames
from ..video.media import Medium, starts
from ..video.sampling import Rate
from ..video.source import Frame, VideoSource
from .labeller import Labeller, Labels, MediaProgress, Observe, Passing, Trouble
from .moments_table import table_of

STRETCH = 32
"""Moments that are handed out together."""


class WatcherLabeller(Labeller):
    """Labeller of a watcher, frame by frame in bounded memory; the context never reads later frames.

    Args:
        watcher: Trained watcher.
        name: Its name in the predictions table.
        max_pixels: Largest picture in pixels; files with larger ones are refused.
    """

    def __init__(self, watcher: Watcher, name: str, *, max_pixels: int = MAX_PIXELS) -> None:
        self._watcher, self._name, self._max_pixels = watcher, name, max_pixels

    @property
    def watcher(self) -> Watcher:
        """Network."""
        return self._watcher

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes."""
        return self._watcher.config.classes

    @property
    def blank(self) -> None:
        """None: there is no class for empty pictures."""

    @property
    def classifier(self) -> str:
        """Name of the watcher."""
        return self._name

    @property
    def method(self) -> str:
        """Name of its memory."""
        return self._watcher.config.memory

    @property
    def reach(self) -> Reach | None:
        """Span of the past that its memory holds."""
        return self._watcher.reach

    def label_deployment(
        self,
        media: Sequence[Medium],
        *,
        progress: MediaProgress,
        trouble: Trouble,
        passing: Passing | None = None,
        observe: Observe | None = None,
    ) -> Iterator[tuple[Medium, Labels]]:
        """Labels of the media of a deployment; see `Labeller`. With `passing`, moments have evidence.

        Args:
            media: See `Labeller`.
            progress: See `Labeller`.
            trouble: See `Labeller`.
            passing: See `Labeller`.
            observe: See `Labeller`.

        Yields:
            A medium and labels of some of its frames.
        """
        config = self._watcher.config
        through = _Through(media, config.size, Rate(config.fps), self._max_pixels, trouble, observe)
        frames: Iterable[Frame] = through if passing is None else passing(through)
        name = media[0].name if len(media) == 1 else media[0].deployment if media else ""
        said = self._watcher.watch(frames, name, evidence=passing is not None)
        placed = (through.place(moment) for moment in said)
        waiting: tuple[_Medium, Moment] | None = next(placed, None)
        while waiting is not None:
            current, some = waiting[0], [waiting[1]]
            waiting = None
            for following in placed:
                if following[0] is not current or len(some) == STRETCH:
                    waiting = following
                    break
                some.append(following[1])
            medium = current.medium
            progress(medium, some[-1].time + some[-1].duration, current.seconds)
            table = table_of(some, self.classes, classifier=self.classifier, method=self.method)
            names = np.full(len(some), medium.deployment, object)
            times = table.time + current.start
            yield medium, Labels(some, replace(table, deployment=names, time=times), current.aspect)


class _Medium:
    """Medium that is watched, with the facts of its file."""

    def __init__(self, medium: Medium, start: float, source: VideoSource | None) -> None:
        self.medium, self.start, self._source = medium, start, source
        self.seconds = 0.0 if source is None else source.seconds

    @property
    def aspect(self) -> float:
        """Width divided by height of its pictures."""
        return 1.0 if self._source is None else self._source.aspect


class _Through:
    """Frames of several media in sequence, as those of one video, and the medium of each frame."""

    def __init__(
        self,
        media: Sequence[Medium],
        size: int,
        sampling: Rate,
        max_pixels: int,
        trouble: Trouble,
        observe: Observe | None,
    ) -> None:
        self._media, self._size, self._sampling, self._pixels = media, size, sampling, max_pixels
        self._trouble, self._observe = trouble, observe
        self._given: deque[tuple[_Medium, Frame]] = deque()

    def __iter__(self) -> Iterator[Frame]:
        end, count = 0.0, 0
        first: float | None = None
        media = fetched_ahead(self._media, lambda medium: medium.stored)
        for medium, start in zip(media, starts(self._media), strict=True):
            if first is None and not isnan(start):
                first = start
            # Where a time is not known, or two cameras' clocks overlap: a step on, so that times only go forward.
            begin = end if isnan(start) or first is None else max(end, start - first)
            try:
                with (
                    local_copy(medium.path, medium.stored) as path,
                    self._opened(medium, path) as (frames, video),
                ):
                    one = _Medium(medium, start, video)
                    for frame in frames:
                        self._given.append((one, frame))
                        yield replace(frame, index=count, time=begin + frame.time)
                        count += 1
                        end = begin + frame.time + max(frame.duration, 1e-3)
            except MediaError as error:
                self._trouble(medium, str(error))

    def _opened(
        self, medium: Medium, path: Path
    ) -> AbstractContextManager[tuple[Iterable[Frame], VideoSource | None]]:
        if medium.live is not None:
            return nullcontext((live_frames(medium.live, self._size, sampling=self._sampling), None))
        observer = None if self._observe is None else self._observe(medium)
        return open_frames(path, self._size, self._sampling, max_pixels=self._pixels, observer=observer)

    def place(self, moment: Moment) -> tuple[_Medium, Moment]:
        """Next moment as one of its medium; moments come in the order of the frames."""
        one, frame = self._given.popleft()
        medium = one.medium
        return one, replace(
            moment,
            video=medium.name,
            frame=frame.index,
            time=frame.time,
            deployment=medium.deployment,
            utc=medium.utc + frame.time,
            local=medium.local + frame.time,
        )
