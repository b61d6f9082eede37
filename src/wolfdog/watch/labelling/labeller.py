"""Interface of labellers: a video in, its moments and its rows of the predictions table out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ..model.memory import Reach
from ..moments import Moment
from ..predictions import Predictions
from ..video.source import Frame

Progress = Callable[[float, float | None], None]
"""Called with the seconds that are done, and those of the whole video where they are known."""

Passing = Callable[[Iterable[Frame]], Iterator[Frame]]
"""Frames in, the same frames out: a place to look at them on their way to the network."""


class Labels(NamedTuple):
    """Labels of a stretch of one video."""

    moments: Sequence[Moment]
    """One for each frame that was looked at, in order of time."""
    table: Predictions
    """The same frames as rows, several where a frame has several detections, with context probabilities."""
    aspect: float = 1.0
    """Aspect ratio at which the pictures are shown: width over height."""


class Labeller(Protocol):
    """A way to label videos."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""

    @property
    def blank(self) -> str | None:
        """The class that says that nothing is there."""

    @property
    def classifier(self) -> str:
        """Name of the frame classifier, for the predictions table."""

    @property
    def method(self) -> str:
        """Name of the memory, for the predictions table."""

    @property
    def reach(self) -> Reach | None:
        """Span of the past that the memory can look at; None where it cannot say what it looked at."""

    def label(
        self, path: Path, name: str, *, progress: Progress, passing: Passing | None = None
    ) -> Iterator[Labels]:
        """Labels of one video, which is a deployment of its own, in stretches.

        Args:
            path: The video.
            name: Its name in the results.
            progress: Called as work goes on.
            passing: Sees the frames on their way, where the labeller has a `reach`.

        Raises:
            MediaError: The video cannot be read; or it breaks off: then after the labels up to the break.
        """
