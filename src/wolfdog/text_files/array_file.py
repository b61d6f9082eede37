"""NumPy arrays in .npy files, read without trust."""

import math
import tokenize
from pathlib import Path
from typing import Any

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
    RecursionError,
)


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
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = header(file)
            held = path.stat().st_size - file.tell()
            if dtype.hasobject or math.prod(shape) * dtype.itemsize > held or min(shape, default=0) < 0:
                raise InputError(
                    f"{path}: its header announces {dtype} {shape}, which the file does not hold."
                )
            file.seek(0)
            return np.asarray(np.load(file, allow_pickle=False))
    except InputError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as a NumPy array: {reason}.") from error
