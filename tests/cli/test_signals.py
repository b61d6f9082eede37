"""Signals: each ends a command as Ctrl-C does, and none is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_run import wolfdog
from killed_jobs import alive, children
from wolfdog.cli.signals import Interrupted, interrupting_signals, status_of
from wolfdog.errors import MissingPackageError


def _sends(number):
    os.kill(os.getpid(), number)
    time.sleep(5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_interrupt(number):
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(Interrupted) as caught, interrupting_signals():
            _sends(number)
        assert status_of(caught.value) == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_an_interrupt_in_a_destructor_comes_again():
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def wait():
        Dying()
        time.sleep(5)

    with pytest.raises(Interrupted), interrupting_signals():
        wait()


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupting_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_while_the_command_loads_is_one_line():
    code = "import os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + (
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'torch': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import _wolfdog_command\n"
        "_wolfdog_command.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "wolfdog: interrupted\n")


def test_an_interrupt_while_options_are_read_is_one_line():
    code = (
        "import os, sys, time\n"
        "from typer.core import TyperGroup\n"
        "from wolfdog.cli import main\n"
        f"TyperGroup.parse_args = lambda *rest: (os.kill(os.getpid(), {signal.SIGTERM:d}), time.sleep(5))\n"
        "sys.argv = ['wolfdog', 'watch', 'a']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "wolfdog: interrupted\n")


def test_an_import_that_is_interrupted_is_one_line(monkeypatch):
    """A package of C code makes an `ImportError` of the interrupt."""

    def interrupted(*given):
        raise MissingPackageError("cannot be loaded") from Interrupted(signal.SIGTERM)

    monkeypatch.setattr("wolfdog.watch.video.listing.list_media", interrupted)
    ran = wolfdog("watch", "a")
    assert (ran.status, ran.out, ran.err) == (143, "", "wolfdog: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_command(number, tmp_path):
    command = ["tv", "--workers", "2", "--streams", "4", "--minutes", "60", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "wolfdog", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(workers := children(process.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)
    process.send_signal(number)
    process.wait(60)
    deadline = time.monotonic() + 10
    while alive(workers) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(workers) >= 3
    assert alive(workers) == []
    assert not [path for path in Path(tmp_path).iterdir() if not path.name.startswith(".")]
