"""Atomic writes: files are written beside their destination and renamed over it.

A rename within one folder is atomic on common file systems, so a reader, or the next run after a kill, finds the old
file or the new one, and never a part of either.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload

_UNFINISHED = re.compile(r"\.wolfdog-[0-9a-f]{12}(\.|$)")
"""Names of temporary files."""

_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENAMETOOLONG}
"""Errors of a disk that is full, read-only or broken."""


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Context with a temporary path beside `path`, which replaces it on success and is deleted otherwise.

    The temporary path has the suffix of `path`. It is for writers that need a path and not an open file (PyAV,
    matplotlib, safetensors). An existing file keeps its permissions; a symbolic link stays, and the file behind it is
    replaced.

    Args:
        path: The file.

    Yields:
        The temporary path.

    Raises:
        FileNotFoundError: The folder does not exist, or nothing was written to the temporary path.
        IsADirectoryError: `path` is a folder.
        OSError: `path` is a device or a pipe, or the system refuses to write there.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_path(Path(folder) / "a.txt") as beside:
        ...         _ = beside.write_text("whole")
        ...     sorted(p.name for p in Path(folder).iterdir())
        ['a.txt']
    """
    final = _destination(Path(path))
    # A hidden name, so that listings do not take a file left by a kill for a finished one.
    beside = final.with_name(f".wolfdog-{secrets.token_hex(6)}{final.suffix}")
    try:
        yield beside
        if not beside.exists():
            raise FileNotFoundError(errno.ENOENT, "nothing was written for", str(final))
        _to_disk(beside)
        if final.exists():
            beside.chmod(stat.S_IMODE(final.stat().st_mode))
        beside.replace(final)
    except BaseException as error:  # including an interrupt from the keyboard
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        name_file(error, final)
        raise


@overload
@contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w"] = "w", *, newline: str | None = None
) -> Iterator[TextIO]: ...
@overload
@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: Literal["wb"]) -> Iterator[BinaryIO]: ...
@contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: Literal["w", "wb"] = "w", *, newline: str | None = None
) -> Iterator[IO[Any]]:
    """Open file for writing that replaces `path` only if the block succeeds; text is UTF-8.

    Args:
        path: The file.
        mode: "w" or "wb".
        newline: As of `open`.

    Yields:
        The open file.

    Raises:
        OSError: The file cannot be written, as of `atomic_path`.
        ValueError: The mode is another one.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "a.txt"
        ...     with atomic_write(path) as f:
        ...         _ = f.write("whole")
        ...         path.exists()
        ...     path.read_text()
        False
        'whole'
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"atomic_write writes a new file: mode must be 'w' or 'wb', got {mode!r}")
    encoding = "utf-8" if mode == "w" else None
    with atomic_path(path) as beside, beside.open(mode, encoding=encoding, newline=newline) as file:
        yield file


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Delete the temporary files that killed writers left in a folder and its subfolders.

    Call it only where no other process writes into the folder.

    Args:
        folder: The folder; without effect if it does not exist.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in (".wolfdog-0123456789ab.csv", ".wolfdog-job"):
        ...         (Path(folder) / name).touch()
        ...     remove_unfinished(folder)
        ...     [path.name for path in Path(folder).iterdir()]
        ['.wolfdog-job']
    """
    for place, _, names in os.walk(folder):
        for name in names:
            if _UNFINISHED.match(name):
                with contextlib.suppress(OSError):
                    Path(place, name).unlink(missing_ok=True)


def _destination(path: Path) -> Path:
    """Path to replace, with links resolved; refused if a rename would destroy something other than a file."""
    final = Path(os.path.realpath(path))
    if not final.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write into", str(final.parent))
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder is in the way of the file to write", str(path))
    if final.exists() and not final.is_file():
        raise OSError(errno.EINVAL, "not a regular file, so it cannot be replaced", str(path))
    return final


def name_file(error: BaseException, path: str | os.PathLike[str]) -> None:
    """Name the file in an error of a disk that is full, read-only or broken, if it names none, or the temporary one.

    `atomic_path` and `atomic_write` do so at their end. Call it where an error of writing leaves by another way.

    Args:
        error: The error; others than those stay as they are.
        path: The file.

    Examples:
        >>> error = OSError(errno.ENOSPC, "said by a library")
        >>> name_file(error, "a.csv")
        >>> error.filename
        'a.csv'
    """
    if not isinstance(error, OSError) or error.errno not in _OF_WRITING:
        return
    if error.filename is None or Path(os.fsdecode(error.filename)).name.startswith(".wolfdog-"):
        # PyAV's errors keep their names; who calls PyAV names the file.
        with contextlib.suppress(AttributeError):
            error.filename = str(path)
            error.strerror = os.strerror(error.errno)


def _to_disk(path: Path) -> None:
    """Flush a file to disk before the rename: otherwise a power failure could leave the new name on an empty file."""
    with path.open("r+b") as file:  # fsync needs a writable file on Windows
        os.fsync(file.fileno())
