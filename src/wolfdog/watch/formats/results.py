"""Interface of result files: predictions, and the file written again with what a smoothing method made of them."""

from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path
from typing import ClassVar

from wolfdog.errors import InputError

from ..predictions import Predictions


class Results(ABC):
    """Result file of a classifier: its predictions, and all that has to stand in the file written again.

    Attributes:
        name: Of the format, as `FORMATS` lists it.
        path: Of the file that was read.
        predictions: The rows that a smoothing method reads.
    """

    name: ClassVar[str]
    path: Path
    predictions: Predictions

    def write(self, smoothed: Predictions, path: str | PathLike[str]) -> None:
        """Write the file again, atomically, with the context labels beside the classifier's own.

        Args:
            smoothed: `predictions` with context probabilities; rows in the same order.
            path: Of the file to write.

        Raises:
            InputError: The rows are not those of `predictions`, or have no context probabilities.
            OSError: The file cannot be written.
        """
        if len(smoothed) != len(self.predictions) or smoothed.classes != self.predictions.classes:
            raise InputError(
                f"{self.path}: expected {len(self.predictions)} smoothed rows of the classes in the file, got "
                f"{len(smoothed)} rows of {', '.join(smoothed.classes)}."
            )
        if smoothed.context is None:
            raise InputError(
                f"{self.path}: the rows have no context probabilities: run a smoothing method first."
            )
        self._write(smoothed, Path(path))

    @abstractmethod
    def _write(self, smoothed: Predictions, path: Path) -> None: ...
