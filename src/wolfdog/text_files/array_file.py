"""NumPy arrays in .npy and .npz files, read without trust."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

_BROKEN = (
    ValueError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    OverflowError,
    MemoryError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    NotImplementedError,  # of zipfile: a way to compress that it does not know
    RuntimeError,  # of zipfile: an encrypted member
    zipfile.BadZipFile,
    zlib.error,
)
_DEFLATE = 1100
"""Bytes that one compressed byte can stand for, at most; DEFLATE has 1,032."""
_BOMB_BYTES, _BOMB_FACTOR = 1 << 30, 200
"""An archive that unpacks to more than so many bytes, and to more than so many times its size, is refused."""


def read_npy(path: Path) -> NDArray[Any]:
    """Array of a .npy file, whose header is checked against the size of the file before memory is reserved.

    Args:
        path: The file.

    Returns:
        The array.

    Raises:
        InputError: It is no .npy file of numbers or text, or a damaged one.
        OSError: It cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/a.npy", np.arange(3))
        ...     read_npy(Path(folder) / "a.npy")
        array([0, 1, 2])
    """
    with _one_error(path, "a NumPy array"), path.open("rb") as file:
        return _array(file, path.stat().st_size, str(path))


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of a .npz file, whose sizes are checked before memory is reserved.

    Args:
        path: The file.

    Returns:
        The arrays by name.

    Raises:
        InputError: It is no .npz file of numbers and text, a damaged one, or one that unpacks to more than 1 GiB and to
            more than 200 times its size.
        OSError: It cannot be read.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", one=np.arange(3))
        ...     read_npz(Path(folder) / "a.npz")
        {'one': array([0, 1, 2])}
    """
    with _one_error(path, "NumPy arrays"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        held, size = path.stat().st_size, sum(one.file_size for one in members)
        for one in members:
            if one.compress_size > held or one.file_size > _DEFLATE * (one.compress_size + 1):
                raise InputError(
                    f"{path}: {one.filename!r} announces {one.file_size:,} bytes, which the file does not hold."
                )
        if size > max(_BOMB_BYTES, _BOMB_FACTOR * held):
            raise InputError(f"{path}: {held:,} bytes that unpack to {size:,}; they are not unpacked.")
        arrays = {}
        for one in members:
            with archive.open(one) as file:
                name = one.filename.removesuffix(".npy")
                arrays[name] = _array(file, one.file_size, f"{path}, {name!r}")
        return arrays


@contextmanager
def _one_error(path: Path, kind: str) -> Iterator[None]:
    """Any error of a damaged file as an InputError."""
    try:
        yield
    except InputError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as {kind}: {reason}.") from error


def _array(file: IO[bytes], size: int, name: str) -> NDArray[Any]:
    """Array of an open file of this many bytes."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    count = math.prod(shape)
    announced = count * max(dtype.itemsize, 1)  # elements without bytes take time all the same
    if dtype.hasobject or announced > size - file.tell() or min(shape, default=0) < 0:
        raise InputError(f"{name}: its header announces {dtype} {shape}, which the file does not hold.")
    file.seek(0)
    array = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    if dtype.kind == "U" and array.size and dtype.itemsize:
        codes = array.astype(dtype.newbyteorder("="), order="C").reshape(-1).view(np.uint32)
        if np.any((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))):
            raise InputError(f"{name}: holds numbers that are no characters, where text is announced.")
    return array
