"""Store of the classified files of an unfinished deployment, from which it is replayed after an interruption."""

import json
import shutil
import time
from pathlib import Path

from wolfdog.atomic import atomic_write
from wolfdog.errors import InputError

from ..predictions import Predictions, read_predictions, write_predictions
from ..video.media import Medium
from .signature import Signature, signature_of

PERIOD = 1.0
"""Seconds of work that are committed together."""

Kept = tuple[Predictions | None, str | None]
"""Rows of a file, None without any, and the reason why it was not read to its end, if it was not."""


class MediaStore:
    """Classified files on disk; each is there wholly or not at all.

    Files are committed in groups, one a second: a table, and then a list of the files in it. A file that has changed
    since counts as missing.

    Args:
        folder: Folder of one deployment; created with the first group.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[str, Signature, Predictions | None, str | None]] = []
        self._since = time.monotonic()
        self._found: dict[str, tuple[Signature, str, int, int, str | None]] = {}
        self._table: tuple[str, Predictions] | None = None
        self._number = 0
        if folder.is_dir():
            self._list()

    def read(self, medium: Medium) -> Kept | None:
        """Rows of a file and its trouble; None if it is not there.

        Args:
            medium: The file.
        """
        found = self._found.get(medium.name)
        if found is None or found[0] != signature_of(medium):
            return None
        _, stem, first, stop, trouble = found
        if first == stop:
            return None, trouble
        if self._table is None or self._table[0] != stem:
            try:
                self._table = stem, read_predictions(self._folder / f"{stem}.parquet")
            except InputError:  # damaged: it is classified again
                return None
        return self._table[1].take(slice(first, stop)), trouble

    def write(self, medium: Medium, table: Predictions | None, trouble: str | None) -> None:
        """Keep the rows of a file.

        Args:
            medium: The file.
            table: Its rows; None without any.
            trouble: Reason why it was not read to its end.

        Raises:
            OSError: A group cannot be written.
        """
        now = signature_of(medium)
        if now is None:
            return  # it has gone: another run shall look again
        self._waiting.append((medium.name, now, table, trouble))
        if time.monotonic() - self._since > PERIOD:
            self.flush()

    def flush(self) -> None:
        """Commit the files that wait.

        Raises:
            OSError: They cannot be written.
        """
        waiting, self._waiting = self._waiting, []
        self._since = time.monotonic()
        if not waiting:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        stem = f"{self._number:06}"
        tables = [table for _, _, table, _ in waiting if table is not None]
        if tables:
            write_predictions(self._folder / f"{stem}.parquet", Predictions.concat(tables))
        listed, row = [], 0
        for name, seen, table, trouble in waiting:
            stop = row + (0 if table is None else len(table))
            listed.append([name, list(seen), row, stop, trouble])
            row = stop
        with atomic_write(self._folder / f"{stem}.json") as file:
            json.dump(listed, file)

    def delete(self) -> None:
        """Delete the store, once its deployment is finished."""
        self._waiting = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _list(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            self._number = max(self._number, int(path.stem) if path.stem.isdecimal() else 0)
            try:
                for name, (size, changed), first, stop, trouble in json.loads(path.read_text("utf-8")):
                    self._found[name] = (size, changed), path.stem, first, stop, trouble
            except (ValueError, TypeError, RecursionError):  # damaged: these files are classified again
                continue
