"""Base class of sinks: text files that are renamed into place when they are complete."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from wolfdog.atomic import atomic_write, name_file
from wolfdog.errors import InputError

from ..moments import Moment


class Sink(ABC):
    """Text file that moments are written to, inside a `with` block.

    When the block ends normally, the file takes its place. When it ends with an error, the unfinished file is deleted
    and an older file of that name stays. An interrupt from the keyboard never leaves a file.

    Args:
        path: File to write.
        keep_partial: Whether, after an error (as of a damaged video), the part written before it is completed and kept.

    Raises:
        OSError: The file cannot be written (no such folder, no permission, disk full).
    """

    def __init__(self, path: str | PathLike[str], *, keep_partial: bool = False) -> None:
        self.path = Path(path)
        self.keep_partial = keep_partial
        self._pending: AbstractContextManager[TextIO] | None = None
        self._file: TextIO | None = None
        self._torn = False

    @abstractmethod
    def write(self, moment: Moment) -> None:
        """Take the next moment."""

    @abstractmethod
    def _head(self) -> str:
        """Text at the head of the file."""

    def _tail(self) -> str:
        """Text after the last moment."""
        return ""

    def _put(self, text: str) -> None:
        if self._file is None:
            raise InputError(f"{self.path}: not open. Write inside: with {type(self).__name__}(...) as sink:")
        if not text:
            return  # Python's text files keep 8 bytes for each empty text until they are flushed
        try:
            self._file.write(text)
        except BaseException as error:
            self._torn = True  # part of a line may have been written
            name_file(error, self.path)
            raise

    def position(self) -> int:
        """Bytes written so far.

        Raises:
            InputError: The sink is not open.
            OSError: The file cannot be written.
        """
        if self._file is None:
            raise InputError(f"{self.path}: not open. Ask inside: with {type(self).__name__}(...) as sink:")
        try:
            self._file.flush()
        except OSError as error:
            name_file(error, self.path)
            raise
        return self._file.buffer.tell()

    def __enter__(self) -> Self:
        pending = atomic_write(self.path, "w", newline="")
        self._file, self._pending, self._torn = pending.__enter__(), pending, False
        try:
            self._put(self._head())
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        keep = error is None or (self.keep_partial and isinstance(error, Exception) and not self._torn)
        if not keep:
            self._file = None
            pending.__exit__(kind, error, trace)
            return
        try:
            self._put(self._tail())
        except BaseException as late:
            pending.__exit__(type(late), late, late.__traceback__)
            raise
        finally:
            self._file = None
        pending.__exit__(None, None, None)
