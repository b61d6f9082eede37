"""Return of freed memory to the system, for processes that run for days."""

import ctypes
from collections.abc import Callable
from functools import cache


def return_free_memory() -> bool:
    """Return of the pages that the C library holds in reserve to the system.

    Short-lived pictures between long-lived labels leave holes in the heap, which glibc keeps: the process looks several
    times as large as what it uses.

    Returns:
        Whether memory was returned; False where the C library has no such function (`malloc_trim` is glibc's).
    """
    trim = _trim()
    return trim is not None and bool(trim(0))


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; on Windows, no library of that name
        return None
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    return found
