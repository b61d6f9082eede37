"""Signals that end a command: SIGTERM and SIGHUP are handled as Ctrl-C is."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..lost_signals import sent_again


class Interrupted(KeyboardInterrupt):
    """Interrupt by a signal.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.status = 128 + number


def status_of(error: KeyboardInterrupt) -> int:
    """Exit status of a command that was interrupted: 128 and the number of the signal.

    Args:
        error: The interrupt.

    Returns:
        The status.

    Examples:
        >>> status_of(KeyboardInterrupt()), status_of(Interrupted(15))
        (130, 143)
    """
    return error.status if isinstance(error, Interrupted) else 130


def interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Interrupt that an error is, or that is its cause: a package of C code whose import is interrupted raises another.

    Args:
        error: The error.

    Returns:
        The interrupt; None where there is none.

    Examples:
        >>> failed = ImportError("initialization failed")
        >>> failed.__cause__ = KeyboardInterrupt()
        >>> interrupt_behind(failed), interrupt_behind(ImportError())
        (KeyboardInterrupt(), None)
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__cause__
    return behind


@contextmanager
def interrupting_signals() -> Iterator[None]:
    """Context in which SIGINT, SIGTERM and SIGHUP raise `Interrupted`; a signal that is ignored stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    usual = (signal.SIG_DFL, signal.default_int_handler)
    for number, handler in before.items():
        if handler in usual:
            signal.signal(number, _interrupt)
    try:
        with sent_again(lambda error: error.number if isinstance(error, Interrupted) else None):
            yield
    finally:
        for number, handler in before.items():
            if handler in usual:
                signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
