"""Temporary folder of a process for fetched files; those of processes that were killed are deleted."""

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

_PREFIX = "wolfdog-fetched-"
_GRACE = 60.0
"""Seconds in which a new folder may be without its lock."""
_lock = threading.Lock()
_made: dict[int, Path] = {}
_held: list[int] = []


def fetch_folder() -> Path:
    """Folder of this process, made at the first call; the process holds a lock on it until it ends."""
    pid = os.getpid()
    with _lock:
        if pid not in _made:
            _sweep()
            _made[pid] = folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
            held = _locked(folder)
            if held is not None:
                _held.append(held)
            atexit.register(_delete, pid)
        return _made[pid]


def _delete(owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(_made[owner], ignore_errors=True)


def _sweep() -> None:
    """Delete folders whose process has ended without deleting them."""
    if os.name == "nt":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _GRACE:
                continue
            held = _locked(folder)
            if held is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)


def _locked(folder: Path) -> int | None:
    """Descriptor of a folder with a lock; None if another process holds it, or the system has none."""
    if os.name == "nt":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
