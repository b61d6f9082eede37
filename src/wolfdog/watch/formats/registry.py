"""Formats of result files by name, and the choice of one by suffix."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from wolfdog.errors import InputError

from .camtrap_dp import CamtrapDP
from .csv_table import CSVTable
from .megadetector_json import MegaDetectorJSON
from .numpy_scores import NumpyScores
from .parquet_table import ParquetTable
from .results import Results

FORMATS: dict[str, type[Results]] = {
    format_.name: format_ for format_ in (MegaDetectorJSON, CSVTable, ParquetTable, NumpyScores, CamtrapDP)
}
"""Every format by its name."""

SUFFIXES = {
    ".json": "megadetector",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".npy": "npy",
}
"""Name of the format of files with a suffix."""


def read_results(
    path: str | PathLike[str],
    *,
    times: Mapping[str, float] | None = None,
    blank: str | None = None,
    format: str | None = None,  # noqa: A002 - the word that every tool has for it
    **options: Any,
) -> Results:
    """Results of a classifier from a file.

    Args:
        path: The file, or the folder of a Camtrap DP package.
        times: Seconds since 1970 by file name, for files without times.
        blank: Name of the class for empty pictures; None to find it by its name.
        format: Name of the format; None to choose it by the file's suffix.
        **options: Options of the format.

    Returns:
        The results.

    Raises:
        InputError: The format is not known, or the file is not of it.
        OSError: The file cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "results.csv"
        ...     _ = path.write_text("file,label,score\\na.jpg,wolf,0.9\\nb.jpg,dog,0.6\\n")
        ...     read_results(path).predictions.classes
        ('wolf', 'dog')
    """
    path = Path(path)
    if format is None and (path.is_dir() or path.name == "datapackage.json"):
        format = CamtrapDP.name  # noqa: A001
    name = format or SUFFIXES.get(path.suffix.lower())
    if name not in FORMATS:
        raise InputError(
            f"{path}: the suffix {path.suffix!r} belongs to no known format: expected one of "
            f"{', '.join(SUFFIXES)}. Name the format: {', '.join(FORMATS)}."
            if format is None
            else f"format must be one of {', '.join(FORMATS)}; got {format!r}."
        )
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    return FORMATS[name](path, times=times, blank=blank, **options)  # type: ignore[call-arg]
