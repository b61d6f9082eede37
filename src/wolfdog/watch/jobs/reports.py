"""Reports of the processes that label, to the one that writes the journal."""

from dataclasses import dataclass
from pathlib import Path

from ..recorder import RecordOptions
from .plan import Record


@dataclass(frozen=True, slots=True)
class Place:
    """Folders and options of a job, as the processes that label need them.

    Args:
        parts: Folder of the parts.
        media: Folder for the classified files of unfinished deployments.
        options: Which files are written.
        threads: Threads of PyTorch in each process.
    """

    parts: Path
    media: Path
    options: RecordOptions
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Running:
    """Report of a task under way.

    Args:
        key: Key of the deployment.
        medium: Name of the file.
        part: Part of the file that is done, 0 to 1.
    """

    key: str
    medium: str
    part: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """Report of a labelled deployment, whose results are not committed yet.

    Args:
        key: Key of the deployment.
        seconds: Seconds that it took.
        troubles: Name and reason of each file that could not be read to its end.
    """

    key: str
    seconds: float
    troubles: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """Report of a closed part, whose records are to be written into the journal.

    Args:
        records: The records.
    """

    records: list[Record]


Report = Running | Labelled | Written
