"""State of a job within its folder of results: a lock, a journal, parts of results, and the files that it made."""

import os
import shutil
import socket
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError, MediaWarning

from ..video.discover import STATE
from ..video.media import Medium
from .journal import Journal

TABLES = ("moments.csv", "events.csv", "evidence.csv", "predictions.parquet", "errors.csv")
"""Tables of all files together."""


class JobFolder:
    """State of a job in the hidden folder `.wolfdog-job` of its results; only one process at a time can open it.

    Results of other options are kept until those of this job are complete: each set of options has a folder of its own,
    with a journal and parts.

        .wolfdog-job/
          lock                held by the process that writes
          current             identity of the job that the tables belong to, and their number of files
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

    def may_publish(self, files: int) -> bool:
        """Whether results of so many files may take their place: no rows of tables that are there may be lost.

        Args:
            files: Number of files with results.
        """
        current = self._current()
        if current is None:
            return not any((self.out / name).exists() for name in TABLES)
        return current[0] == self.identity and files >= current[1]

    def _current(self) -> tuple[str, int] | None:
        """Identity of the job that the tables belong to, and their number of files; None without tables."""
        try:
            identity, files = (self._top / "current").read_text(encoding="utf-8").split()
            return identity, int(files)
        except (OSError, ValueError):
            return None

    def make_current(self, files: int) -> None:
        """Note that the tables are those of this job.

        Args:
            files: Number of files that they hold.

        Raises:
            OSError: The note cannot be written.
        """
        if self._current() != (self.identity, files):
            with atomic_write(self._top / "current") as file:
                file.write(f"{self.identity} {files}")

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
        new = [name for name in waiting if name not in self.products]
        if new:
            self._products.append([{"files": new}])
            self.products.update(new)
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


def locked(path: Path, out: Path) -> IO[str]:
    """Lock file, open and locked until it is closed or the process ends.

    Args:
        path: The file.
        out: Folder of results, for the message.

    Returns:
        The open file.

    Raises:
        InputError: Another process holds it.
        OSError: It cannot be written.
    """
    file = path.open("a+", encoding="utf-8")
    try:
        _lock(file)
    except OSError as error:
        file.seek(0)
        holder = file.read(200).strip() or "another process"
        file.close()
        raise InputError(
            f"{out}: another run writes into this folder ({holder}). Wait for it, stop it, or choose another --out."
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def _lock(file: IO[str]) -> None:
    """Lock a file for this process, or raise OSError."""
    if os.name == "nt":
        import msvcrt

        file.seek(10_000)  # past the text, which others read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
