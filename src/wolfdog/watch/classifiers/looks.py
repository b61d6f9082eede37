"""Looks: classifications of whole frames and of boxes in them, one row each."""

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
    """Classifications of N frames or boxes in the order of the frames; a whole frame comes before its boxes.

    Attributes:
        frame: Number of the frame in its video [N], from 0.
        time: Seconds from the start of the video [N].
        duration: Seconds up to the next frame [N].
        detection: Number of the box in its frame [N]; -1 for the whole frame.
        box: x, y, width and height as shares of the frame, from its upper left corner [N, 4]; NaN for the whole frame.
        confidence: Confidence of the detector [N]; NaN without one.
        clarity: Clarity of the classified picture [N]; see `clarity`.
        features: Features [N, F].
        probabilities: Class probabilities [N, K].
    """

    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    duration: NDArray[np.float64]
    detection: NDArray[np.int32]
    box: NDArray[np.float32]
    confidence: NDArray[np.float32]
    clarity: NDArray[np.float32]
    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, index: NDArray[Any] | slice) -> "Looks":
        """Looks at `index`: positions, a mask or a slice."""
        return Looks(*(getattr(self, field.name)[index] for field in fields(self)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All columns by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], *, features: int, classes: int) -> "Looks | None":
        """Looks from the columns of a cache; None if they are not those of such a classifier."""
        n = len(arrays["frame"]) if "frame" in arrays else 0
        like = _empty(n, features, classes)
        for name, column in like.arrays().items():
            kept = arrays.get(name)
            if kept is None or kept.shape != column.shape or kept.dtype != column.dtype:
                return None
        return Looks(*(arrays[field.name] for field in fields(Looks)))

    def with_probabilities(self, probabilities: NDArray[np.float32]) -> "Looks":
        """Same looks with other classes."""
        columns = self.arrays() | {"probabilities": probabilities}
        return Looks(**columns)

    def surest(self, classes: tuple[str, ...]) -> "Looks":
        """One row for each frame, as a look at the whole frame: that of its look with the highest probability.

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
            best.clarity, best.features, best.probabilities,
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
        clarity=np.full(n, np.nan, np.float32),
        features=np.zeros((n, features), np.float32),
        probabilities=np.zeros((n, classes), np.float32),
    )
