"""Signature of a file, by which a change is noticed."""

from pathlib import Path

Signature = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""


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
