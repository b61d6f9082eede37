"""State of a job within its folder of results: a lock, a journal, parts of results, and the files that it made."""

import os
import shutil
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError, MediaWarning

from ..video.discover import STATE
from ..video.media import Medium
from .earlier_files import EarlierFile, LeftOut, read_files, without, write_files
from .folder_lock import locked
from .journal import Journal
from .plan import Deployment

FILES = "files-in-tables"
TABLES = ("moments.csv", "events.csv", "evidence.csv", "predictions.parquet", "errors.csv")
"""Tables of all files together."""


class JobFolder:
    """State of a job in the hidden folder `.wolfdog-job` of its results; only one process at a time can open it.

    Results of other options are kept until those of this job are complete: each set of options has a folder of its own,
    with a journal and parts.

        .wolfdog-job/
          lock                held by the process that writes
          current             identity of the job that the tables belong to
          files-in-tables     files whose rows are in the tables
          products            journal of files beside the tables
          <identity>/journal  entries of finished deployments
          <identity>/parts/   their results
          <identity>/media/   classified files of unfinished deployments

    Args:
        out: Folder of results; created.
        identity: Text that is equal for equal options.

    Raises:
        InputError: Another process writes into the folder, or a journal is damaged.
        OSError: The folder cannot be written.
    """

    def __init__(self, out: Path, identity: str) -> None:
        self.out, self.identity = out, identity
        self._top = out / STATE
        self._lock: IO[str] | None = None
        own = self._top / identity
        self.parts, self.media = own / "parts", own / "media"
        self._own = own

    def __enter__(self) -> Self:
        self.out.mkdir(parents=True, exist_ok=True)
        _check_tables(self.out)
        self._top.mkdir(exist_ok=True)
        self._lock = locked(self._top / "lock", self.out)
        try:
            self.parts.mkdir(parents=True, exist_ok=True)
            self.media.mkdir(exist_ok=True)
            self.journal = Journal(self._own / "journal")
            self._products = Journal(self._top / "products")
            self.products = _names(self._products)
            self._sweep()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def may_publish(self, done: Sequence[Deployment], allowed: LeftOut) -> bool:
        """Whether results of these deployments may take their place: no rows of tables that are there may be lost.

        Args:
            done: Deployments with results.
            allowed: Files whose rows may be lost.
        """
        if not has_tables(self.out):
            return True
        return self._current() == self.identity and len(without(self._files(), done)) <= len(allowed)

    def _current(self) -> str | None:
        """Identity of the job that the tables belong to; None if they are of no job."""
        try:
            return (self._top / "current").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def _files(self) -> list[EarlierFile]:
        return read_files(self._top / FILES)

    def claim_tables(self) -> None:
        """Note that the tables are made by wolfdog, before the first of them is written.

        Raises:
            OSError: The note cannot be written.
        """
        self._note_products([name for name in TABLES if name not in self.products])

    def _note_products(self, names: Sequence[str]) -> None:
        if names:
            self._products.append([{"files": list(names)}])
            self.products.update(names)

    def make_current(self, done: Sequence[Deployment]) -> None:
        """Note that the tables are those of this job.

        Args:
            done: Deployments that they hold.

        Raises:
            OSError: The note cannot be written.
        """
        write_files(self._top / FILES, done)
        if self._current() != self.identity:
            with atomic_write(self._top / "current") as file:
                file.write(self.identity)

    def drop_others(self) -> None:
        """Delete the state of jobs with other options; their results have been replaced."""
        for path in self._top.iterdir():
            if path.is_dir() and path != self._own:
                shutil.rmtree(path, ignore_errors=True)

    def publish(self, part: str, files: Iterable[str]) -> None:
        """Move files of a part to their places beside the tables; those already moved are passed over.

        Args:
            part: Name of the part.
            files: Their paths in the part.

        Raises:
            OSError: A file cannot be moved.
        """
        waiting = [name for name in files if (self.parts / part / name).exists()]
        self._note_products([name for name in waiting if name not in self.products])
        for name in waiting:
            target = self.out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.parts / part / name).replace(target)

    def _sweep(self) -> None:
        """Delete what a kill left behind: parts without an entry, and unfinished tables."""
        known = set(self.journal.parsed(lambda entry: str(entry["part"])))
        for path in self.parts.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
        with os.scandir(self.out) as entries:
            for entry in entries:
                if entry.name.startswith(".wolfdog-") and entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink(missing_ok=True)


def read_journal(out: Path, identity: str) -> Journal:
    """Journal of a job, without a lock and without changing anything.

    Args:
        out: Folder of results, which may not exist.
        identity: Identity of the job.

    Returns:
        The journal, empty if there is none.

    Raises:
        InputError: It is damaged.
    """
    return Journal(out / STATE / identity / "journal")


def has_tables(out: Path) -> bool:
    """Whether a folder of results has tables.

    Args:
        out: The folder, which may not exist.
    """
    return any((out / name).exists() for name in TABLES)


def earlier_files(out: Path) -> list[EarlierFile]:
    """Files whose rows are in the tables of a folder of results.

    Args:
        out: The folder, which may not exist.

    Returns:
        The files; none without tables.

    Raises:
        InputError: The list of the files is damaged, or a table is one that no job has made.
        OSError: It cannot be read.
    """
    if not has_tables(out):
        return []
    if not (out / STATE / "current").exists():
        made = _names(Journal(out / STATE / "products"))
        for name in TABLES:
            if (out / name).is_file() and name not in made:
                raise InputError(
                    f"{out / name}: the results would replace this file, which no earlier run over files has made. "
                    "Rename it, or choose another --out."
                )
    return read_files(out / STATE / FILES)


def without_products(media: Iterable[Medium], out: Path) -> list[Medium]:
    """Media without those that an earlier run wrote into its folder of results, as annotated copies.

    Args:
        media: The media.
        out: Folder of results, which may not exist.

    Returns:
        The others.

    Raises:
        InputError: The journal of the files is damaged.

    Warns:
        MediaWarning: Some are left out.
    """
    made = _names(Journal(out / STATE / "products"))
    kept = []
    top = out.resolve()
    for medium in media:
        path = medium.path.resolve() if made else medium.path
        if made and path.is_relative_to(top) and path.relative_to(top).as_posix() in made:
            warnings.warn(
                f"{medium.path}: a result of wolfdog; it is passed over.", MediaWarning, stacklevel=2
            )
        else:
            kept.append(medium)
    return kept


def _names(products: Journal) -> set[str]:
    """Files beside the tables that wolfdog has made."""
    return {name for names in products.parsed(lambda entry: list(map(str, entry["files"]))) for name in names}


def _check_tables(out: Path) -> None:
    for name in TABLES:
        path = out / name
        if path.is_dir():
            raise IsADirectoryError(21, "a folder is in the way of the file to write", str(path))
        if path.exists() and not path.is_file():
            raise InputError(
                f"{path}: not a regular file, so the table cannot be written. Choose another --out."
            )
