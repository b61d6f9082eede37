"""Cache of named arrays on disk: entries are written atomically, checked when read, and bounded in total size.

Entries lie in a folder of the cache folder (`WOLFDOG_CACHE`, or that of the user), which only the user can read. A
damaged or incomplete entry counts as missing and is written again. Several processes may share one folder. When the
folder exceeds its limit, the least recently used entries are deleted.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from wolfdog.compiler.cache import folder
from wolfdog.errors import InputError

_MAGIC = b"wolfdog arrays 1\n"
_CHECK = hashlib.sha256().digest_size
_SUFFIX = ".arrays"
GIGABYTE = 2**30

Arrays = Mapping[str, NDArray[Any]]


class ArrayCache:
    """Bounded cache of arrays on disk.

    Args:
        name: Name of the folder within the cache folder.
        limit: Largest size of all entries together, in bytes.

    Raises:
        InputError: The limit is below 0.

    Examples:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     os.environ["WOLFDOG_CACHE"] = place
        ...     cache = ArrayCache("example")
        ...     cache.write("a key", {"x": np.arange(3)})
        ...     cache.read("a key"), cache.read("another")
        ...     del os.environ["WOLFDOG_CACHE"]
        ({'x': array([0, 1, 2])}, None)
    """

    def __init__(self, name: str, *, limit: int = 2 * GIGABYTE) -> None:
        if limit < 0:
            raise InputError(f"The limit of a cache is in bytes and must be 0 or more, got {limit}.")
        self.folder = folder() / name
        self.limit = limit
        self._size: int | None = (
            None  # as far as this process knows; measured again before anything is deleted
        )

    def read(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Arrays under a key.

        Args:
            key: The key.

        Returns:
            Arrays by name; None if there is no intact entry.
        """
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        head, content = data[: len(_MAGIC) + _CHECK], data[len(_MAGIC) + _CHECK :]
        if head != _MAGIC + _checksum(key, content):
            return None
        try:
            arrays = load(content)
        except (SafetensorError, ValueError, KeyError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the order in which entries go is by last use
        return arrays

    def write(self, key: str, arrays: Arrays) -> None:
        """Store arrays under a key; without effect if the folder cannot be written.

        Args:
            key: The key.
            arrays: Arrays by name.
        """
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        data = _MAGIC + _checksum(key, content) + content
        if len(data) > self.limit:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(len(data))
            handle, beside = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(beside).replace(self._path(key))
            except BaseException:  # an interrupt from the keyboard must leave nothing behind either
                Path(beside).unlink(missing_ok=True)
                raise

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Delete all entries."""
        for _, _, path in self._entries():
            with contextlib.suppress(OSError):
                path.unlink()
        self._size = None

    def _make_room(self, more: int) -> None:
        """Delete the least recently used entries until `more` bytes fit, and a tenth of the limit beyond."""
        if self._size is not None and self._size + more <= self.limit:
            self._size += more
            return
        entries = sorted(self._entries())
        size = sum(bytes_ for _, bytes_, _ in entries)
        if size + more > self.limit:
            for _, bytes_, path in entries:
                if size + more <= 0.9 * self.limit:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                size -= bytes_
        self._size = size + more

    def _entries(self) -> list[tuple[int, int, Path]]:
        """Last use, size and path of each entry."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                with contextlib.suppress(OSError):  # another process may have deleted it meanwhile
                    if entry.name.endswith(_SUFFIX):
                        facts = entry.stat()
                        found.append((facts.st_mtime_ns, facts.st_size, Path(entry.path)))
        return found

    def _path(self, key: str) -> Path:
        return self.folder / (hashlib.sha256(key.encode()).hexdigest() + _SUFFIX)


def content_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content.

    Args:
        path: The file.

    Returns:
        The digest in hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(key: str, content: bytes) -> bytes:
    """Checksum of key and content; with the key, a renamed entry is not taken for another one."""
    return hashlib.sha256(key.encode() + b"\0" + content).digest()
