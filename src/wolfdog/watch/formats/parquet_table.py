"""Predictions tables as Parquet files."""

from collections.abc import Mapping
from pathlib import Path

from wolfdog.errors import InputError

from ..predictions import Predictions, read_predictions, write_predictions
from .results import Results


class ParquetTable(Results):
    """Predictions table as a Parquet file; context probabilities are added or replaced.

    Args:
        path: The file.
        times: Not used: the table has its own.
        blank: Not used: the table names its own.

    Raises:
        InputError: The file is no predictions table.
        MissingPackageError: The package pyarrow is not installed.
        OSError: The file cannot be read.
    """

    name = "parquet"

    def __init__(
        self, path: Path, *, times: Mapping[str, float] | None = None, blank: str | None = None
    ) -> None:
        if times or blank:
            raise InputError(f"{path}: a Parquet table holds its times and its blank class: give neither.")
        self.path = path
        self.predictions = read_predictions(path)

    def _write(self, smoothed: Predictions, path: Path) -> None:
        write_predictions(path, smoothed)
