"""Confusions of a frame classifier, sampled from a file of its probabilities."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import WorldError

LARGEST_FILE = 50_000_000
"""Bytes of a file of probabilities."""


@dataclass(frozen=True, eq=False)
class Confusions:
    """Probabilities that a frame classifier gave, from which those of a world's events are sampled.

    An event of look l is shown as row r of the file with probability

        p(r | l) = q_r(l) / sum_r' q_r'(l)

    where q_r are the probabilities of row r. So a row is shown as often for each look as the classifier said, and the
    classifier is calibrated for the frequencies of looks in its file.

    Args:
        looks: Names of the columns.
        rows: Probabilities [R, looks], which sum to 1 in each row.
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
        if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(1) > 0).all()):
            raise WorldError(f"{self.file}: expected probabilities from 0 up with a sum above 0 in each row.")
        if not (rows.sum(0) > 0).all():
            raise WorldError(
                f"{self.file}: a look has the probability 0 in every row. Leave it out of the world."
            )
        object.__setattr__(self, "rows", rows / rows.sum(1, keepdims=True))

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
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise WorldError(f"{path}: larger than {LARGEST_FILE} bytes. Keep fewer rows.")
            with path.open(encoding="utf-8", newline="") as opened:
                reader = csv.DictReader(opened)
                missing = [look for look in looks if look not in (reader.fieldnames or ())]
                if missing:
                    raise WorldError(f"{path}: has no column {missing[0]!r}; expected one for each look.")
                rows = [[float(row[look]) for look in looks] for row in reader]
        except OSError as error:
            raise WorldError(f"{path}: cannot be read: {error.strerror or error}. Check the path.") from error
        except (ValueError, TypeError, csv.Error) as error:
            raise WorldError(f"{path}: not a CSV file of probabilities: {error}. Correct it.") from error
        return Confusions(looks, np.array(rows).reshape(-1, len(looks)), file)
