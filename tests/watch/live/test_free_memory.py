"""Return of freed memory to the system."""

import platform
import subprocess
import sys

import pytest

from live_sources import Coloured, ColourSteps, until
from wolfdog.watch.live import session as session_module
from wolfdog.watch.live.session import Session

HOLES = """
from pathlib import Path
import numpy as np
from wolfdog.watch.live.free_memory import return_free_memory

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

pairs = [(np.ones(8000), np.ones(200)) for _ in range(2000)]  # 125 MiB, and small parts between them
made, kept = zip(*pairs, strict=True)
del pairs, made
held = resident()
assert return_free_memory()
print(held - resident(), len(kept))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_holes_between_what_is_kept_are_returned():
    """In a process of its own: what other tests have freed would be filled first."""
    run = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    returned, kept = map(int, run.stdout.split())
    assert returned > 100 * 1024
    assert kept == 2000


def test_a_session_returns_memory_while_it_runs(monkeypatch):
    calls = []
    monkeypatch.setattr(session_module, "RETURN_MEMORY", 0.05)
    monkeypatch.setattr(session_module, "return_free_memory", lambda: calls.append(1))
    session = Session([(Coloured(), ColourSteps())])
    session.start()
    until(lambda: len(calls) > 1)
    session.stop()
