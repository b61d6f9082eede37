"""Labeller that is one network: a watcher, whose memory reads its frame classifier's embeddings."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ...errors import MediaError
from ..model.memory import Reach
from ..model.watcher import Watcher
from ..moments import Moment
from ..video.sampling import Rate
from ..video.source import Frame, VideoSource
from .labeller import Labels, Passing, Progress
from .moments_table import table_of

STRETCH = 32
"""Moments that are handed out together."""


class WatcherLabeller:
    """Labels of a video by a watcher, as they come, in bounded memory; the context never reads later frames.

    Args:
        watcher: Trained.
        name: Its name in the predictions table.
    """

    blank = None

    def __init__(self, watcher: Watcher, name: str) -> None:
        self._watcher = watcher
        self.classes = watcher.config.classes
        self.classifier = name
        self.method = watcher.config.memory

    @property
    def reach(self) -> Reach | None:
        """Span of the past that its memory can look at."""
        return self._watcher.reach

    def label(
        self, path: Path, name: str, *, progress: Progress, passing: Passing | None = None
    ) -> Iterator[Labels]:
        """Labels of one video; see `Labeller`. With `passing`, the moments say what they looked at."""
        config = self._watcher.config
        with VideoSource(path, config.size, Rate(config.fps)) as source:
            frames: Iterable[Frame] = source if passing is None else passing(source)
            moments = self._watcher.watch(frames, name, evidence=passing is not None)
            while True:
                some, trouble = _some(moments)
                if some:
                    progress(some[-1].time + some[-1].duration, source.seconds)
                    table = table_of(some, self.classes, classifier=self.classifier, method=self.method)
                    yield Labels(some, table, source.aspect)
                if trouble is not None:
                    raise trouble
                if len(some) < STRETCH:
                    return


def _some(moments: Iterator[Moment]) -> tuple[list[Moment], MediaError | None]:
    """The next moments, and the trouble that came after them."""
    some: list[Moment] = []
    try:
        some.extend(islice(moments, STRETCH))
    except MediaError as error:
        return some, error
    return some, None
