"""Append-only journal of finished work, a checked line of JSON for each entry."""

import json
import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from wolfdog.atomic import name_file
from wolfdog.errors import InputError

Parsed = TypeVar("Parsed")


class Journal:
    """Append-only file of JSON objects, each on a line that begins with its CRC-32.

    Lines are flushed to the disk before `append` returns. A line that a kill or a full disk cut off is dropped when the
    journal is read, and overwritten by the next one.

    Args:
        path: The file; created with the first entry.

    Raises:
        InputError: A line before the last one is damaged.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     journal = Journal(Path(folder) / "journal")
        ...     journal.append([{"done": 1}, {"done": 2}])
        ...     with journal.path.open("ab") as file:
        ...         _ = file.write(b"0000 half a li")
        ...     Journal(journal.path).entries
        [{'done': 1}, {'done': 2}]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        """Entries that were in the file when it was opened."""
        self._end = 0
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        lines = data.split(b"\n")
        for number, line in enumerate(lines[:-1]):
            entry = _parsed(line)
            if entry is None:
                if any(_parsed(later) is not None for later in lines[number + 1 :]):
                    raise InputError(
                        f"{path}: line {number + 1} is damaged, and intact lines follow. Delete the folder "
                        f"{path.parent.parent} to begin anew."
                    )
                break
            self.entries.append(entry)
            self._end += len(line) + 1

    def parsed(self, make: Callable[[dict[str, Any]], Parsed]) -> list[Parsed]:
        """Values of the entries.

        Args:
            make: Function from an entry to its value. KeyError, TypeError and ValueError say that it is none.

        Returns:
            The values.

        Raises:
            InputError: An entry is not one of this journal.
        """
        found = []
        for number, entry in enumerate(self.entries, start=1):
            try:
                found.append(make(entry))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise InputError(
                    f"{self.path}: line {number} is no entry of this journal ({error!r:.80}). Delete the folder "
                    f"{self.path.parent.parent} to begin anew."
                ) from error
        return found

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Write entries and flush them to the disk: all of them are in the journal afterwards, or the call fails.

        Args:
            entries: Objects that JSON can represent.

        Raises:
            OSError: The file cannot be written; the entries then count as not written.
        """
        text = b"".join(_line(entry) for entry in entries)
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.seek(self._end)
                file.truncate()
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            name_file(error, self.path)
            raise
        self._end += len(text)


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Object of a line; None if it is damaged."""
    check, _, text = line.partition(b" ")
    if len(check) != 8 or b"%08x" % zlib.crc32(text) != check:
        return None
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
