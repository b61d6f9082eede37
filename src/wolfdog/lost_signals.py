"""Signals whose exception is lost: raised in a destructor, which lets none out."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_AGAIN = 0.05
"""Seconds after which a signal is sent again."""


@contextmanager
def sent_again(number_of: Callable[[BaseException], int | None]) -> Iterator[None]:
    """Context in which a signal is sent again where the exception of its handler was raised in a destructor.

    Args:
        number_of: Function of an exception to the number of its signal; None for other exceptions, which Python shows.

    Examples:
        >>> import signal
        >>> with sent_again(lambda error: signal.SIGTERM if isinstance(error, InterruptedError) else None):
        ...     pass
    """

    def lost(what: "sys.UnraisableHookArgs") -> None:
        number = None if what.exc_value is None else number_of(what.exc_value)
        if number is None:
            before(what)
        else:
            threading.Timer(_AGAIN, os.kill, (os.getpid(), number)).start()

    before, sys.unraisablehook = sys.unraisablehook, lost
    try:
        yield
    finally:
        sys.unraisablehook = before
