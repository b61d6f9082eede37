"""Signals whose exception was raised in a destructor."""

import os
import signal
import sys
import time

import pytest

from wolfdog.lost_signals import sent_again


class StopError(BaseException):
    pass


def number_of(error):
    return signal.SIGTERM if isinstance(error, StopError) else None


def stop(*_):
    raise StopError


@pytest.fixture
def stops():
    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


class Dying:
    def __init__(self, last):
        self.last = last

    def __del__(self):
        self.last()


@pytest.mark.usefixtures("stops")
def test_it_comes_again():
    with pytest.raises(StopError), sent_again(number_of):  # noqa: PT012  # the signal comes while it waits
        Dying(lambda: os.kill(os.getpid(), signal.SIGTERM))
        time.sleep(30)


def test_other_exceptions_are_shown_as_before(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: shown.append(type(what.exc_value)))
    with sent_again(number_of):
        Dying(lambda: [][1])
    assert shown == [IndexError]
    Dying(lambda: [][1])
    assert shown == [IndexError] * 2
