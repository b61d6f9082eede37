"""Looks at frames: what a classifier gave for whole frames and for boxes in them, row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classes import UNKNOWN
from .classifier import Classification
from .regions import surest


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """N looks in the order of their frames; of one frame, the whole comes first where it was looked at."""

    frame: NDArray[np.int64]
    """[N] number of the frame in its video, from 0."""
    time: NDArray[np.float64]
    """[N] seconds from the start of the video."""
    duration: NDArray[np.float64]
    """[N] seconds that the frame stands."""
    detection: NDArray[np.int32]
    """[N] number of the box in its frame; -1 for the whole frame."""
    box: NDArray[np.float32]
    """[N, 4] x, y, width and height in parts of the frame, from its upper left corner; NaN for the whole frame."""
    confidence: NDArray[np.float32]
    """[N] of the detector; NaN where there is none."""
    features: NDArray[np.float32]
    """[N, F]."""
    probabilities: NDArray[np.float32]
    """[N, K]."""

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, index: NDArray[Any] | slice) -> "Looks":
        """The looks at `index`: positions, a mask or a slice."""
        return Looks(*(getattr(self, field.name)[index] for field in fields(self)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], *, features: int, classes: int) -> "Looks | None":
        """Columns that were kept; None where they are not those of such a classifier."""
        n = len(arrays["frame"]) if "frame" in arrays else 0
        like = _empty(n, features, classes)
        for name, column in like.arrays().items():
            kept = arrays.get(name)
            if kept is None or kept.shape != column.shape or kept.dtype != column.dtype:
                return None
        return Looks(*(arrays[field.name] for field in fields(Looks)))

    def with_probabilities(self, probabilities: NDArray[np.float32]) -> "Looks":
        """The same looks with other classes."""
        columns = self.arrays() | {"probabilities": probabilities}
        return Looks(**columns)

    def surest(self, classes: tuple[str, ...]) -> "Looks":
        """One row for each frame: that of its surest look, as a look at the frame as a whole.

        See `regions.surest`; the class `unknown` is the background.
        """
        background = classes.index(UNKNOWN) if UNKNOWN in classes else None
        chosen = [
            start
            + surest(Classification(self.features[start:end], self.probabilities[start:end]), background)
            for start, end in self._frames()
        ]
        best = self.rows(np.array(chosen, np.int64))
        whole = _empty(len(best), 0, 0)
        return Looks(
            best.frame, best.time, best.duration, whole.detection, whole.box, whole.confidence,
            best.features, best.probabilities,
        )  # fmt: skip

    def _frames(self) -> Iterator[tuple[int, int]]:
        """First row and the one after the last, of each frame."""
        starts = np.flatnonzero(np.diff(self.frame, prepend=-1)) if len(self) else np.empty(0, np.int64)
        yield from zip(starts.tolist(), [*starts[1:].tolist(), len(self)], strict=True) if len(starts) else ()


def _empty(n: int, features: int, classes: int) -> Looks:
    """Columns of N looks at whole frames, of which nothing is known."""
    return Looks(
        frame=np.zeros(n, np.int64),
        time=np.full(n, np.nan),
        duration=np.full(n, np.nan),
        detection=np.full(n, -1, np.int32),
        box=np.full((n, 4), np.nan, np.float32),
        confidence=np.full(n, np.nan, np.float32),
        features=np.zeros((n, features), np.float32),
        probabilities=np.zeros((n, classes), np.float32),
    )
