"""Confusions of a frame classifier, sampled from a file of its probabilities."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import WorldError
from wolfdog.tv.checks import short
from wolfdog.tv.description import read_text

LARGEST_FILE = 50_000_000
"""Bytes of a file of probabilities."""
LARGEST_NUMBER = 1e6
"""Largest number in a row; rows need not sum to 1."""


@dataclass(frozen=True, eq=False)
class Confusions:
    """Probabilities that a frame classifier gave, from which those of a world's events are sampled.

    An event of look l is shown as row r of the file with probability

        p(r | l) = q_r(l) / sum_r' q_r'(l)

    where q_r are the probabilities of row r. So a row is shown as often for each look as the classifier said, and the
    classifier is calibrated for the frequencies of looks in its file.

    Args:
        looks: Names of the columns.
        rows: Probabilities [R, looks], or numbers in proportion to them; each row is divided by its sum.
        file: Path of the file as the world file gives it.

    Raises:
        WorldError: The probabilities are invalid.
    """

    looks: tuple[str, ...]
    rows: NDArray[np.float64]
    file: str

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.looks) or len(rows) < 2:
            raise WorldError(f"{self.file}: expected two rows or more of {len(self.looks)} probabilities.")
        good = ((rows >= 0) & (rows <= LARGEST_NUMBER)).all(1) & (rows.sum(1) > 0)  # False for NaN
        if not good.all():
            row = int(np.argmin(good))
            raise WorldError(
                f"{self.file}: expected numbers from 0 up to {LARGEST_NUMBER:g} with a sum above 0 in each row, got "
                f"{short(rows[row].tolist())} in row {row + 1}. Correct it."
            )
        rows = rows / rows.sum(1, keepdims=True)
        shown = rows.sum(0) > 0
        if not shown.all():
            raise WorldError(
                f"{self.file}: the look {self.looks[int(np.argmin(shown))]!r} has the probability 0 in every row. "
                "Leave it out of the world."
            )
        object.__setattr__(self, "rows", rows)

    @property
    def likelihood(self) -> NDArray[np.float64]:
        """Probability of each row given each look, p(r | l) [R, looks]."""
        likelihood: NDArray[np.float64] = self.rows / self.rows.sum(0)
        return likelihood

    @staticmethod
    def read(path: Path, looks: tuple[str, ...], file: str) -> "Confusions":
        """Probabilities of a CSV file with a column for each look; other columns are ignored.

        Args:
            path: The file.
            looks: Looks of the world.
            file: Path as the world file gives it.

        Returns:
            The confusions.

        Raises:
            WorldError: The file cannot be read, lacks a column, or has invalid numbers.
        """
        reader = csv.reader(io.StringIO(read_text(path, LARGEST_FILE), newline=""))
        try:
            places = _places(next(reader, []), looks)
            rows = [_numbers(line, places) for line in reader if line]
        except (ValueError, csv.Error) as error:
            raise WorldError(f"{path}: line {max(reader.line_num, 1)}: {error}. Correct it.") from error
        return Confusions(looks, np.array(rows).reshape(-1, len(looks)), file)


def _places(header: list[str], looks: tuple[str, ...]) -> list[int]:
    """Number of each look's column.

    Raises:
        ValueError: A look has no column, or several.
    """
    for look in looks:
        if header.count(look) != 1:
            raise ValueError(f"expected one column {look!r}, got {header.count(look)}")
    return [header.index(look) for look in looks]


def _numbers(line: list[str], places: list[int]) -> list[float]:
    try:
        return [float(line[place]) for place in places]
    except (ValueError, IndexError):
        raise ValueError(f"expected a number for each look, got {short(line)}") from None
