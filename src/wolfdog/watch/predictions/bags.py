"""Frames of a file or a sequence that is labelled as a whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LabelledBag:
    """Frames of a file or a sequence, and the labels of which each holds for at least one of them.

    Attributes:
        name: Name of the file or sequence.
        rows: Positions of its frames.
        labels: Its labels.
    """

    name: str
    rows: NDArray[np.int64]
    labels: tuple[str, ...]
