"""What it costs to start: importing, the first use of a cell, and the first use in a later process."""

import os
import statistics
import subprocess
import sys
import tempfile

IMPORT = """
import time
import torch
start = time.perf_counter()
import wolfdog
print(time.perf_counter() - start)
"""

FIRST_USE = """
import time, torch, wolfdog as wd
torch.manual_seed(0)
x = torch.randn(100, 32, 64, requires_grad=True)
layer = wd.Recurrent(wd.cells.FourGateLSTMCell(64, 64))
start = time.perf_counter()
layer(x)[0].sum().backward()
print(time.perf_counter() - start)
"""

RUNS = 3


def starting() -> dict[str, float]:
    """Seconds, medians of several processes.

    import_seconds     that `import wolfdog` adds to `import torch`
    first_use_seconds  the first forward and backward pass of the four-gate LSTM, with an empty cache of kernels
    later_use_seconds  the same in a later process
    """
    imports, first, later = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            imports.append(_seconds(IMPORT, folder))
            first.append(_seconds(FIRST_USE, folder))
            later.append(_seconds(FIRST_USE, folder))
    found = {"import_seconds": imports, "first_use_seconds": first, "later_use_seconds": later}
    return {name: statistics.median(times) for name, times in found.items()}


def _seconds(program: str, cache: str) -> float:
    environment = os.environ | {"WOLFDOG_CACHE": cache}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)
