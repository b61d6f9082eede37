"""Lock of a folder of results, which one process at a time can hold."""

import os
import socket
from pathlib import Path
from typing import IO

from wolfdog.errors import InputError


def locked(path: Path, out: Path) -> IO[str]:
    """Lock file, open and locked until it is closed or the process ends.

    Args:
        path: The file.
        out: Folder of results, for the message.

    Returns:
        The open file.

    Raises:
        InputError: Another process holds it.
        OSError: It cannot be written.
    """
    file = path.open("a+", encoding="utf-8")
    try:
        _lock(file)
    except OSError as error:
        file.seek(0)
        holder = file.read(200).strip() or "another process"
        file.close()
        raise InputError(
            f"{out}: another run writes into this folder ({holder}). Wait for it, stop it, or choose another --out."
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def _lock(file: IO[str]) -> None:
    """Lock a file for this process, or raise OSError."""
    if os.name == "nt":
        import msvcrt

        file.seek(10_000)  # past the text, which others read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
