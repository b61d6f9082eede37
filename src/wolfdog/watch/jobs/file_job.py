"""Job over independent files, each of which is written into one folder: finished ones are passed over."""

import csv
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from wolfdog.atomic import atomic_write, remove_unfinished
from wolfdog.errors import StorageError, WolfdogError
from wolfdog.object_storage.address import Stored

from ..video.discover import STATE
from .file_workers import Work, results_of_workers
from .folder_lock import locked
from .journal import Journal
from .signature import signature, signature_of_stored

Source = Path | Stored
"""File that is read, on this machine or in object storage."""


@dataclass(frozen=True, slots=True)
class FileJob:
    """Work on several files, whose results lie in one folder.

    Args:
        out: Folder of results; created.
        identity: Text that is equal for equal options.
        files: Each file that is read, and the one that is written for it.
    """

    out: Path
    identity: str
    files: Sequence[tuple[Source, Path]]

    def run(
        self,
        loader: Callable[[], Work],
        *,
        workers: int = 1,
        told: Callable[[Sequence[str]], None] = lambda lines: None,
    ) -> tuple[int, list[tuple[str, str]]]:
        """Do the work that is left: on files that are new, have changed, or whose result has changed or gone.

        A file that cannot be used is a line of errors.csv, and the next one follows. Each file is written by one
        process, so that the results do not depend on the number of processes.

        Args:
            loader: Makes the function that reads the first file, writes the second one and says what it did, once in
                each process.
            workers: Number of processes; 1 works in this one.
            told: Called with the lines about each finished file.

        Returns:
            Number of files that were finished before, and the files that could not be used with the reasons.

        Raises:
            InputError: Another process writes into the folder.
            WolfdogError: A process was killed.
            OSError: A file cannot be written.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / STATE).mkdir(exist_ok=True)
        troubles: dict[str, str] = {}
        with locked(self.out / STATE / "lock", self.out):
            remove_unfinished(self.out)
            journal = Journal(self.out / STATE / "files")
            done = dict(journal.parsed(lambda entry: (str(entry["source"]), entry)))
            waiting = []
            for source, target in self.files:
                entry = self._entry(source, target)
                if done.get(name_of(source)) != entry or entry["written"] is None:
                    waiting.append((source, target))
            with closing(self._results(loader, waiting, workers)) as results:
                for (source, target), result in results:
                    if isinstance(result, WolfdogError):
                        troubles[name_of(source)] = str(result)
                        continue
                    journal.append([self._entry(source, target)])
                    told(result)
            listed = [
                (name, troubles[name]) for source, _ in self.files if (name := name_of(source)) in troubles
            ]
            self._write_errors(listed)
        return len(self.files) - len(waiting), listed

    def _results(
        self, loader: Callable[[], Work], waiting: Sequence[tuple[Source, Path]], workers: int
    ) -> Generator[tuple[tuple[Source, Path], Sequence[str] | WolfdogError], None, None]:
        if workers > 1 and len(waiting) > 1:
            return results_of_workers(loader, waiting, workers=workers)
        return _here(loader, waiting)

    def _entry(self, source: Source, target: Path) -> dict[str, object]:
        """Entry of a finished file, as JSON gives it back."""
        read = signature_of_stored(source) if isinstance(source, Stored) else signature(source)
        written = signature(target)
        return {
            "source": name_of(source),
            "identity": self.identity,
            "read": None if read is None else list(read),
            "target": str(target),
            "written": None if written is None else list(written),
        }

    def _write_errors(self, troubles: Sequence[tuple[str, str]]) -> None:
        path = self.out / "errors.csv"
        if not troubles:
            path.unlink(missing_ok=True)
            return
        with atomic_write(path, newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["file", "error"])
            lines.writerows(troubles)


def name_of(source: Source) -> str:
    """Path or address of a file.

    Args:
        source: The file.
    """
    return source.address if isinstance(source, Stored) else str(source)


def _here(
    loader: Callable[[], Work], files: Iterable[tuple[Source, Path]]
) -> Generator[tuple[tuple[Source, Path], Sequence[str] | WolfdogError], None, None]:
    """Results of the work in this process."""
    work: Work | None = None
    for source, target in files:
        work = work or loader()
        try:
            yield (source, target), work(source, target)
        except StorageError:
            raise
        except WolfdogError as error:
            yield (source, target), error
