"""The folder of compiled kernels: entries by content, whole or not there, and never trusted unread.

An entry is a header with a checksum, and the code. Entries are written beside their place and moved there, so that
several processes may build the same one at once; one that is damaged, cut short or of another format is built again.
`WOLFDOG_CACHE` names another folder; where none can be written, kernels are built for the process alone.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_MAGIC = b"wolfdog kernel 1\n"
_CHECK = hashlib.sha256().digest_size


def folder() -> Path:
    """Where kernels are kept: WOLFDOG_CACHE, or the user's cache folder."""
    chosen = os.environ.get("WOLFDOG_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "wolfdog"


def load_or_build(key: str, build: Callable[[], bytes]) -> bytes:
    """The bytes kept under a key, or what `build` gives, which is then kept."""
    kept = read(key)
    if kept is not None:
        return kept
    made = build()
    write(key, made)
    return made


def read(key: str) -> bytes | None:
    """What is kept under a key; None where nothing is, or nothing whole."""
    try:
        data = _path(key).read_bytes()
    except OSError:
        return None
    if not data.startswith(_MAGIC):
        return None
    check, code = data[len(_MAGIC) : len(_MAGIC) + _CHECK], data[len(_MAGIC) + _CHECK :]
    return code if check == _checksum(key, code) else None


def write(key: str, code: bytes) -> None:
    """Keep bytes under a key; where the folder cannot be written, do nothing."""
    path = _path(key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + _checksum(key, code) + code)
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise


def _path(key: str) -> Path:
    return folder() / f"{key}.kernel"


def _checksum(key: str, code: bytes) -> bytes:
    """Over the key too: an entry that was renamed is another's."""
    return hashlib.sha256(key.encode() + b"\0" + code).digest()
