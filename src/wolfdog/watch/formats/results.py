"""Interface of result files: their predictions, and their output with a smoothing method's labels."""

from abc import ABC, abstractmethod
from os import PathLike
from pathlib import Path
from typing import ClassVar

from wolfdog.errors import InputError

from ..predictions import Predictions


class Results(ABC):
    """Result file of a classifier: its predictions, and everything else that its output repeats.

    Attributes:
        name: Name of the format in `FORMATS`.
        path: The file.
        predictions: Rows that a smoothing method reads.
    """

    name: ClassVar[str]
    path: Path
    predictions: Predictions

    def write(self, smoothed: Predictions, path: str | PathLike[str]) -> None:
        """Write the file again, atomically, with the context labels beside the classifier's own.

        Args:
            smoothed: `predictions` with context probabilities; rows in the same order.
            path: File to write.

        Raises:
            InputError: The rows are not those of `predictions`, or have no context probabilities.
            OSError: The file cannot be written.
        """
        own = self.predictions.classes
        if len(smoothed) != len(self.predictions) or smoothed.classes[: len(own)] != own:
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
