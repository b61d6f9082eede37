"""Files that are either whole or not there: write beside, then rename over.

A rename within one folder is atomic on every file system that matters, so a reader, or the next run after
a kill, finds the old file or the new one and never half of either.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Lend a temporary path beside `path`, with its suffix; on success it takes `path`'s place, else it goes.

    For writers that want a path and not an open file (PyAV, matplotlib, safetensors). An existing file's
    permissions are kept, and a symbolic link stays one: the file behind it is replaced.

    Raises:
        FileNotFoundError: the folder does not exist, or nothing was written to the temporary path.
        IsADirectoryError: `path` is a folder.
        OSError: `path` is a device or a pipe, or the system refuses to write there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "a.txt") as beside:
    ...         _ = beside.write_text("whole")
    ...     sorted(p.name for p in Path(folder).iterdir())
    ['a.txt']
    """
    final = _destination(Path(path))
    # The dot in front: what a kill leaves behind must not be taken for a finished file by a listing.
    beside = final.with_name(f".wolfdog-{secrets.token_hex(6)}{final.suffix}")
    try:
        yield beside
        if not beside.exists():
            raise FileNotFoundError(errno.ENOENT, "nothing was written for", str(final))
        _to_disk(beside)
        if final.exists():
            beside.chmod(stat.S_IMODE(final.stat().st_mode))
        beside.replace(final)
    except BaseException:  # an interrupt from the keyboard must leave nothing behind either
        beside.unlink(missing_ok=True)
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
    """Open a file for writing that appears under `path`, whole, only when the block ends well; text is UTF-8.

    `mode` and `newline` are those of `open`. Raises what `atomic_path` raises; ValueError for another mode.

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


def _destination(path: Path) -> Path:
    """The path to replace, links followed; refused where a rename would destroy what is not a file."""
    final = Path(os.path.realpath(path))
    if not final.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write into", str(final.parent))
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder is in the way of the file to write", str(path))
    if final.exists() and not final.is_file():
        raise OSError(errno.EINVAL, "not a regular file, so it cannot be replaced", str(path))
    return final


def _to_disk(path: Path) -> None:
    """Flush to the disk before the rename, or a power cut could leave the new name on an empty file."""
    with path.open("r+b") as file:  # writable: fsync wants that on Windows
        os.fsync(file.fileno())
