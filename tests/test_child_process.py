"""Child processes: what interrupts the parent while they are started."""

import os
import signal
import subprocess
import sys

import pytest

from wolfdog.child_process import uninterrupted_start

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


class CameError(BaseException):
    """An interrupt."""


@pytest.fixture
def raising():
    def handler(number, frame):
        raise CameError(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    yield handler
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_comes_at_the_end(number, raising):
    steps = []
    with pytest.raises(CameError, match=str(int(number))):
        _interrupted_start(number, steps)
    assert steps == ["before", "after"]
    assert signal.getsignal(number) is raising


def _interrupted_start(number, steps):
    with uninterrupted_start():
        steps.append("before")
        os.kill(os.getpid(), number)
        steps.append("after")


@pytest.mark.usefixtures("raising")
def test_children_do_not_get_the_interrupts_of_the_terminal():
    code = (
        "import os, signal; os.kill(os.getpid(), signal.SIGINT); print(signal.SIGINT in signal.sigpending())"
    )
    with uninterrupted_start():
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (child.stdout, child.stderr) == ("True\n", "")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_nothing_is_changed_in_other_threads():
    from concurrent.futures import ThreadPoolExecutor

    def start():
        with uninterrupted_start():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(start).result() is signal.getsignal(signal.SIGINT)
