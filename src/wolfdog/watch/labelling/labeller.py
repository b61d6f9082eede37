"""Interface of labellers: from a deployment to its moments and its rows of the predictions table."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ...errors import MediaError
from ..model.memory import Reach
from ..moments import Moment
from ..predictions import Predictions
from ..video.decoding import PictureObserver
from ..video.media import Medium
from ..video.source import Frame

Progress = Callable[[float, float | None], None]
"""Called with the seconds that are done, and those of the whole video where they are known."""

MediaProgress = Callable[[Medium, float, float | None], None]
"""Same for one of several media."""

Trouble = Callable[[Medium, str], None]
"""Called with a medium that cannot be read, or not to its end, and the reason."""

Passing = Callable[[Iterable[Frame]], Iterator[Frame]]
"""Frames in, the same frames out: a place to look at them on their way to the network."""


Observe = Callable[[Medium], PictureObserver | None]
"""Observer of the pictures of a medium; None for none."""


class Labels(NamedTuple):
    """Labels of some frames of one video or image.

    Attributes:
        moments: One moment for each frame, in the order of time.
        table: The same frames as rows, several for a frame with several detections, with context probabilities.
        aspect: Width divided by height of the pictures as shown.
    """

    moments: Sequence[Moment]
    table: Predictions
    aspect: float = 1.0


class ClassifiedMedia(Protocol):
    """Store of the classified files of a deployment, so that an interrupted one is not classified again."""

    def read(self, medium: Medium) -> tuple[Predictions | None, str | None] | None:
        """Rows of a file, and the reason why it was not read to its end; None if the file is not in the store.

        Args:
            medium: The file.
        """

    def write(self, medium: Medium, table: Predictions | None, trouble: str | None) -> None:
        """Keep the rows of a file.

        Args:
            medium: The file.
            table: Its rows; None without any.
            trouble: Reason why it was not read to its end.
        """


class Labeller(ABC):
    """Source of labels for videos and images."""

    store: ClassifiedMedia | None = None
    """Store of classified files, for labellers that classify a whole deployment before they hand out labels."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""

    @property
    @abstractmethod
    def blank(self) -> str | None:
        """Name of the class for empty pictures; None if there is none."""

    @property
    @abstractmethod
    def classifier(self) -> str:
        """Name of the frame classifier, for the predictions table."""

    @property
    @abstractmethod
    def method(self) -> str:
        """Name of the memory, for the predictions table."""

    @property
    @abstractmethod
    def reach(self) -> Reach | None:
        """Span of the past that the memory holds; None without attention weights."""

    @abstractmethod
    def label_deployment(
        self,
        media: Sequence[Medium],
        *,
        progress: MediaProgress,
        trouble: Trouble,
        passing: Passing | None = None,
        observe: Observe | None = None,
    ) -> Iterator[tuple[Medium, Labels]]:
        """Labels of the media of one deployment, in parts; the memory runs through all of them.

        In the tables, times count by the clock of `starts`. In the moments, they count from the start of each medium.

        Args:
            media: Media of one deployment, in the order of time; see `by_deployment`.
            progress: Called during the work.
            trouble: Called for each medium that cannot be read, or breaks off; the next one follows.
            passing: Receives the frames of a single video, if the labeller has a `reach`.
            observe: Gives the observer that sees the pictures of a medium as they are decoded.

        Yields:
            A medium and labels of some of its frames.
        """

    def label(
        self, path: Path, name: str, *, progress: Progress, passing: Passing | None = None
    ) -> Iterator[Labels]:
        """Labels of one video, as a deployment of its own, in parts.

        Args:
            path: The video.
            name: Its name in the results.
            progress: Called during the work.
            passing: As of `label_deployment`.

        Yields:
            Labels of some of its frames.

        Raises:
            MediaError: The video cannot be read, or it breaks off: then after the labels up to the break.
        """
        reasons: list[str] = []
        found = self.label_deployment(
            [Medium(path, name, name)],
            progress=lambda _, seconds, of: progress(seconds, of),
            trouble=lambda _, reason: reasons.append(reason),
            passing=passing,
        )
        for _, labels in found:
            yield labels
        if reasons:
            raise MediaError(reasons[0])
