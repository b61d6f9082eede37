"""Job over independent files, each of which is written into one folder: finished ones are passed over."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wolfdog.atomic import atomic_write
from wolfdog.errors import WolfdogError

from ..video.discover import STATE
from .folder import locked
from .journal import Journal
from .signature import signature


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
    files: Sequence[tuple[Path, Path]]

    def run(self, work: Callable[[Path, Path], None]) -> tuple[int, list[tuple[Path, str]]]:
        """Do the work that is left: on files that are new, have changed, or whose result has changed or gone.

        A file that cannot be used is a line of errors.csv, and the next one follows.

        Args:
            work: Reads the first file and writes the second one.

        Returns:
            Number of files that were finished before, and the files that could not be used with the reasons.

        Raises:
            InputError: Another process writes into the folder.
            OSError: A file cannot be written.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / STATE).mkdir(exist_ok=True)
        troubles: list[tuple[Path, str]] = []
        earlier = 0
        with locked(self.out / STATE / "lock", self.out):
            journal = Journal(self.out / STATE / "files")
            done = {entry["source"]: entry for entry in journal.entries}
            for source, target in self.files:
                entry = self._entry(source, target)
                if done.get(str(source)) == entry and entry["written"] is not None:
                    earlier += 1
                    continue
                try:
                    work(source, target)
                except WolfdogError as error:
                    troubles.append((source, str(error)))
                    continue
                journal.append([self._entry(source, target)])
            self._write_errors(troubles)
        return earlier, troubles

    def _entry(self, source: Path, target: Path) -> dict[str, object]:
        """Entry of a finished file, as JSON gives it back."""
        read, written = signature(source), signature(target)
        return {
            "source": str(source),
            "identity": self.identity,
            "read": None if read is None else list(read),
            "target": str(target),
            "written": None if written is None else list(written),
        }

    def _write_errors(self, troubles: Sequence[tuple[Path, str]]) -> None:
        path = self.out / "errors.csv"
        if not troubles:
            path.unlink(missing_ok=True)
            return
        with atomic_write(path, newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["file", "error"])
            lines.writerows([str(source), why] for source, why in troubles)
