"""Child processes: what interrupts the parent while they are started."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from wolfdog.child_process import process_pool, uninterrupted_start

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


def test_an_error_ends_the_processes_of_a_pool_in_the_middle_of_their_work():
    began, jobs = time.monotonic(), []
    with pytest.raises(CameError):
        _failing_pool(jobs)
    assert time.monotonic() - began < 30
    assert not multiprocessing.active_children()
    assert jobs[2].cancelled() or jobs[2].exception() is not None


def _failing_pool(jobs):
    with process_pool(1, os.umask, 0o22) as pool:
        with uninterrupted_start():
            jobs += [pool.submit(time.sleep, seconds) for seconds in (0, 60, 60)]
        jobs[0].result()
        raise CameError


def test_a_pool_ends_with_its_block():
    with process_pool(1, os.umask, 0o27) as pool:
        with uninterrupted_start():
            mask = pool.submit(os.umask, 0)
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
    assert mask.result() == 0o27
    assert not multiprocessing.active_children()
