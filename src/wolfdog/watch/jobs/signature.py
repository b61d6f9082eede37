"""Signature of a file, by which a change is noticed."""

import hashlib
from pathlib import Path

from wolfdog.object_storage.address import Stored
from wolfdog.object_storage.listing import is_there

from ..video.media import Medium

Signature = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds, or in object storage a number of the file's version."""


def signature(path: Path) -> Signature | None:
    """Size and time of the last change of a file; None if it cannot be looked at.

    Args:
        path: The file.
    """
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def signature_of(medium: Medium) -> Signature | None:
    """Signature of the file of a medium, which may be in object storage.

    Args:
        medium: The medium.
    """
    return signature(medium.path) if medium.stored is None else signature_of_stored(medium.stored)


def signature_of_stored(stored: Stored) -> Signature:
    """Signature of a file in object storage.

    Args:
        stored: The file.
    """
    digest = hashlib.sha256(stored.version.encode("utf-8", "surrogateescape")).digest()
    return stored.size, int.from_bytes(digest[:7], "big")


def is_readable(medium: Medium) -> bool:
    """Whether the file of a medium can be read, or in object storage: whether it is there.

    Args:
        medium: The medium.

    Raises:
        StorageError: An object storage cannot be reached.
    """
    return readable(medium.path) if medium.stored is None else is_there(medium.stored)


def readable(path: Path) -> bool:
    """Whether the first and the last bytes of a file can be read: a medium that was pulled out gives errors.

    Args:
        path: The file.
    """
    try:
        with path.open("rb") as file:
            file.read(4096)
            file.seek(max(0, path.stat().st_size - 4096))
            file.read(4096)
    except PermissionError:
        return True  # the file is there, and stays as it is
    except OSError:
        return False
    return True
