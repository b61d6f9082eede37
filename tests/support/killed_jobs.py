"""Jobs killed at random, again and again until they are done, held against the tables of an undisturbed run.

PYTHONPATH=src:tests/support python tests/support/killed_jobs.py --kills 50 --workers 2
"""

import argparse
import hashlib
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

from onnx_image_networks import colour_network
from watch_cards import picture
from watch_films import film, noise

METADATA = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE = 120
"""Seconds in which workers notice that their parent is gone: one that still loads its packages notices it then."""


def card(folder, *, sites=12, images=15, videos=12, seed=0):
    """Sites of images, videos of their own, and some bad files."""
    rng = np.random.default_rng(seed)
    for site in range(sites):
        for n in range(images):
            colour = tuple(int(c) for c in rng.integers(0, 256, 3))
            date = f"2024:05:{site % 28 + 1:02} 10:{n % 60:02}:00"
            picture(folder / f"site {site:03}" / f"IMG_{n:04}.JPG", colour, date=date, size=(320, 240))
    folder.mkdir(exist_ok=True)
    for n in range(videos):
        film(folder / f"clip {n:03}.mp4", noise(20 + n), rate=10)
    (folder / "broken.mp4").write_bytes(bytes(range(256)) * 40)
    (folder / "site 000" / "empty.jpg").touch()
    return folder


def digests(out):
    """Digest of every result that the user sees."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".wolfdog-job" not in path.parts
    }


def leftovers(out):
    """Temporary files that no run needs, once it is done."""
    return [
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.name.startswith((".new-", ".wolfdog-")) and path.name != ".wolfdog-job"
    ]


def words(source, out, network, *more):
    """Arguments of the command."""
    given = ["watch", source, "--classifier", f"onnx:{network}", "--no-cache", "--out", out, *more]
    return ["wolfdog", *map(str, given)]


def children(pid):
    """Process numbers of the descendants of a process."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(place.name), *children(int(place.name))]
    return found


def alive(pids):
    """Those of the processes that still run."""
    running = []
    for pid in pids:
        try:
            state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running


def load():
    """Load what the command needs, so that a fork of this process begins at once."""
    for name in (
        "av", "matplotlib.figure", "onnx", "onnxruntime", "PIL.Image", "pyarrow.parquet", "wolfdog.cli.app",
        "wolfdog.watch.jobs.job", "wolfdog.watch.labelling.loading",
    ):  # fmt: skip
        importlib.import_module(name)


class Started:
    """Command in a fork of this process.

    Args:
        arguments: Its arguments.
        limit: Largest size of a file that it can write, as on a disk that is full; None for any.
    """

    def __init__(self, arguments, *, limit=None):
        self._told = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `wait`
        self.pid = os.fork()
        if self.pid:
            return
        status = 99
        try:
            os.setpgid(0, 0)
            for place in (1, 2):
                os.dup2(self._told.fileno(), place)
            sys.stdout, sys.stderr = (os.fdopen(place, "w", closefd=False) for place in (1, 2))
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails
            sys.argv = arguments
            from wolfdog.cli import main

            try:
                main()
                status = 0
            except SystemExit as end:
                status = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def ended(self, seconds):
        """Whether it ends within so many seconds."""
        end = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def wait(self):
        """Exit status, negative after a signal, and what it printed."""
        assert self.ended(600), "a command hangs"
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with self._told:
            self._told.seek(0)
            return status, self._told.read()


def run(arguments, *, kill_after=None, number=signal.SIGKILL, limit=None):
    """One command; (exit status, what it printed, processes that outlived it)."""
    process = Started(arguments, limit=limit)
    below = []
    if kill_after is not None and not process.ended(kill_after):
        below = children(process.pid)
        os.kill(process.pid, number)
    status, told = process.wait()
    end = time.monotonic() + PATIENCE
    while alive(below) and time.monotonic() < end:
        time.sleep(0.1)
    return status, told, alive(below)


def soak(kills, *, workers=1, seed=0, longest=None, shape=None, method="memory"):
    """Kill a job so many times; the report. Fails at the first difference."""
    rng = random.Random(seed)
    counts = Counter()
    with tempfile.TemporaryDirectory() as top:
        top = Path(top)
        network = colour_network(top / "colours.onnx", features=True, metadata=METADATA)
        source = card(top / "card", **(shape or {}))
        options = ("--method", method)
        load()
        arguments = words(source, top / "quiet", network, *options)
        began = time.monotonic()
        status, told, _ = run(arguments)
        quiet = time.monotonic() - began
        assert status == 1, told
        expected = digests(top / "quiet")
        out = top / "out"
        arguments = words(source, out, network, *options, "--workers", workers)
        while counts["kills"] < kills:
            kind = rng.choice([*SIGNALS, "disk", "pulled"])
            status, told, outlived = _disturbed(kind, rng, arguments, top, longest or 1.2 * quiet)
            assert "Traceback" not in told, told
            assert not outlived, f"{kind}: processes {outlived} outlived the run"
            counts["kills"] += status is not None and status not in (0, 1)
            counts[getattr(kind, "name", kind)] += 1
            if status in (0, 1) and (out / "moments.csv").exists() and _complete(arguments):
                _compare(out, expected)
                counts["finished"] += 1
                shutil.rmtree(out)
        status, told, _ = run(arguments)
        assert status == 1, told
        _compare(out, expected)
    return {"quiet run, s": round(quiet, 1), **counts, "finished": counts["finished"] + 1}


def _disturbed(kind, rng, arguments, top, longest):
    delay = rng.uniform(0.0, longest)
    if kind == "disk":
        return run(arguments, limit=rng.choice([500, 3_000, 8_000, 20_000, 60_000]))
    if kind == "pulled":
        process = Started(arguments)
        process.ended(delay)
        (top / "card").rename(top / "pulled")
        try:
            return *process.wait(), []
        finally:
            (top / "pulled").rename(top / "card")
    return run(arguments, kill_after=delay, number=kind)


def _complete(arguments):
    """Whether nothing is left to do."""
    status, told, _ = run([*arguments, "--dry-run"])
    assert status == 0, told
    return " 0 in 0 deployments" in told


def _compare(out, expected):
    found = digests(out)
    different = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    assert not different, f"other bytes than those of an undisturbed run: {different}"
    assert not leftovers(out), leftovers(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=None)
    given = parser.parse_args()
    print(soak(given.kills, workers=given.workers, seed=given.seed, longest=given.longest))
