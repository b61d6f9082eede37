"""Cache folder of compiled kernels: private to the user, checked at every read, and bounded in size.

The cache holds machine code that is loaded into the process, so what lies in it is trusted like the library itself. A
checksum finds damage, but anyone can compute it for a forged entry. Therefore the folder and each entry are used only
if they belong to the user of the process and nobody else may write to them; otherwise kernels are compiled for the
process alone, with one warning.

An entry is a header with a checksum, and the content. Entries are written beside their place and renamed, so several
processes may write the same one at once; one that is damaged, cut short or of another format is built again. When all
entries together exceed `LIMIT`, those that were used longest ago are deleted. A process measures the folder at its
first write, and again after every sixteenth of `LIMIT` that it writes.

`WOLFDOG_CACHE` names another folder. A user without a home folder gets a temporary folder, which is deleted when the
process ends.
"""

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LIMIT = 256 * 2**20
"""Largest total size of the entries in bytes."""

_MAGIC = b"wolfdog kernel 1\n"
_CHECK = hashlib.sha256().digest_size
_SUFFIX = ".kernel"
_HOUR = 3600.0
_OWNED = hasattr(os, "geteuid")  # whether files have an owner and a mode
_WITHIN = {os.open, os.unlink, os.rename, os.stat, os.utime} <= os.supports_dir_fd
_warned: set[Path] = set()
_unmeasured = LIMIT  # bytes written since the folder was measured


def folder() -> Path:
    """Cache folder: `WOLFDOG_CACHE`, or the user's cache folder, or a temporary folder without a home folder."""
    chosen = os.environ.get("WOLFDOG_CACHE")
    try:
        if chosen:
            return Path(chosen).expanduser()
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # neither HOME nor an entry in the password database
        return _temporary_folder()
    return base / "wolfdog" if base.is_absolute() else _temporary_folder()


@cache
def _temporary_folder() -> Path:
    """Private folder of this process."""
    made, owner = tempfile.mkdtemp(prefix="wolfdog-"), os.getpid()

    def delete() -> None:
        if os.getpid() == owner:  # and not in a child
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(delete)
    return Path(made)


def load_or_build(key: str, build: Callable[[], bytes]) -> bytes:
    """Content under a key, or the result of `build`, which is then kept."""
    kept = read(key)
    if kept is not None:
        return kept
    made = build()
    write(key, made)
    return made


def read(key: str) -> bytes | None:
    """Content under a key; None without an entry, or where it cannot be trusted or is damaged."""
    with _opened() as place:
        data = None if place is None else place.read(_name(key))
    if data is None or not data.startswith(_MAGIC):
        return None
    check, code = data[len(_MAGIC) : len(_MAGIC) + _CHECK], data[len(_MAGIC) + _CHECK :]
    return code if check == _checksum(key, code) else None


def write(key: str, code: bytes) -> None:
    """Keep content under a key; without effect where the folder cannot be written or trusted."""
    global _unmeasured
    with _opened() as place, contextlib.suppress(OSError):
        if place is None:
            return
        place.write(_name(key), _MAGIC + _checksum(key, code) + code)
        _unmeasured += len(code)
        if _unmeasured > LIMIT // 16:
            place.delete_oldest(LIMIT)
            _unmeasured = 0


class _Folder:
    """Opened cache folder. Entries are opened relative to it, so that a folder swapped in later has no effect."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path, self.descriptor = path, descriptor

    def at(self, name: str) -> str:
        """Path of an entry, relative to the opened folder where the system has that."""
        return name if self.descriptor is not None else str(self.path / name)

    def read(self, name: str) -> bytes | None:
        """Content of a file; None where it is missing, is no regular file, or others may write to it."""
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not block
        try:
            file = os.open(self.at(name), flags, dir_fd=self.descriptor)
        except OSError:
            return None
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or not private(found) or found.st_size > LIMIT:
            os.close(file)
            return None
        with os.fdopen(file, "rb") as stream:
            data = stream.read()
        if time.time() - found.st_mtime > _HOUR:  # the time of last use, without a write at every use
            with contextlib.suppress(OSError):
                os.utime(self.at(name), dir_fd=self.descriptor, follow_symlinks=not _WITHIN)
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, or raise OSError."""
        beside = self.at(f"{name}.{secrets.token_hex(8)}")
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        )
        file = os.open(beside, flags, 0o600, dir_fd=self.descriptor)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
            os.replace(beside, self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            os.unlink(beside, dir_fd=self.descriptor)
            raise

    def delete_oldest(self, limit: int) -> None:
        """Delete entries that were used longest ago until the rest fits the limit, and files of broken writes.

        Another process may delete the same entries meanwhile.
        """
        entries, now = [], time.time()
        for name in os.listdir(self.path if self.descriptor is None else self.descriptor):  # noqa: PTH208
            if _SUFFIX not in name:
                continue
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)
                if name.endswith(_SUFFIX):
                    entries.append((found.st_mtime, found.st_size, name))
                elif now - found.st_mtime > _HOUR:
                    os.unlink(self.at(name), dir_fd=self.descriptor)
        total = sum(size for _, size, _ in entries)
        for _, size, name in sorted(entries):
            if total <= limit:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.at(name), dir_fd=self.descriptor)
            total -= size


@contextmanager
def _opened() -> Iterator[_Folder | None]:
    """Cache folder, made where it is missing; None where it cannot be used."""
    path = folder()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _WITHIN:
            found, file = path.stat(), None
        else:
            file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            found = os.fstat(file)
    except OSError:
        yield None
        return
    try:
        if private(found):
            yield _Folder(path, file)
        else:
            _warn(path)
            yield None
    finally:
        if file is not None:
            os.close(file)


def private(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user of the process and nobody else may write to it."""
    if not _OWNED:
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _warn(path: Path) -> None:
    if path not in _warned:
        _warned.add(path)
        warnings.warn(
            f"the cache folder {path} belongs to another user, or others may write to it, so compiled kernels are "
            f"neither read from it nor kept in it. Make it yours alone (chmod 700 {path}), or set WOLFDOG_CACHE to a "
            "folder that is",
            RuntimeWarning,
            stacklevel=2,
        )


def _name(key: str) -> str:
    return f"{key}{_SUFFIX}"


def _checksum(key: str, code: bytes) -> bytes:
    """Checksum of an entry and its key: a renamed entry is not valid."""
    return hashlib.sha256(key.encode() + b"\0" + code).digest()
