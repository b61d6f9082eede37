"""Training over a long sequence with and without checkpoints: the peak of memory, the time, and the gradients."""

import json
import statistics
import subprocess
import sys

SHAPE = (100_000, 4, 128)
"""Steps, examples and units, as wide as the events."""

RUNS = 3

# A process of its own for every run, as in memory.py, and its own seconds on one thread: others do not count.
PROGRAM = """
import json, sys, time, torch
from pathlib import Path
import wolfdog as wd

def size(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

every, steps, batch, units = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(1)
torch.manual_seed(0)
layer = wd.Recurrent(wd.cells.LSTMCell(units, units), checkpoint_every=None if every == "None" else every)
x = torch.randn(steps, batch, units)

def train(x):
    layer(x)[0].sum().backward()

train(x[:1000].clone())  # what is loaded and compiled once
layer.zero_grad()
Path("/proc/self/clear_refs").write_text("5")
before, start = size("VmRSS"), time.process_time()
train(x)
seconds = time.process_time() - start
gradient = torch.cat([parameter.grad.flatten() for parameter in layer.parameters()])
print(json.dumps([(size("VmHWM") - before) / 1024, seconds, gradient[:: len(gradient) // 1000].tolist()]))
"""


def trained(every: str, shape: tuple[int, int, int]) -> tuple[float, float, list[float]]:
    """MiB at the peak, seconds, and a thousand numbers of the gradient."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, every, *map(str, shape)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    memory, seconds, gradient = json.loads(found)
    return memory, seconds, gradient


def long_row(shape: tuple[int, int, int], runs: int = RUNS) -> dict[str, float]:
    """Medians of runs in turn, and the parts of the plain run's that checkpoints take.

    Raises RuntimeError where gradients differ: then there is nothing to compare.
    """
    plain, pieces = [], []
    for _ in range(runs):
        plain.append(trained("None", shape))
        pieces.append(trained("auto", shape))
    scale = max(map(abs, plain[0][2]))
    error = max(abs(a - b) for a, b in zip(plain[0][2], pieces[0][2], strict=True)) / scale
    if error > 1e-3:
        raise RuntimeError(f"gradients with and without checkpoints differ by {error:.1e} of the largest")
    memory, seconds = (
        [statistics.median(run[at] for run in each) for each in (plain, pieces)] for at in (0, 1)
    )
    steps, batch, units = shape
    return {
        "steps": steps, "batch": batch, "units": units, "plain_mib": memory[0], "checkpoints_mib": memory[1],
        "memory_part": memory[1] / memory[0], "plain_seconds": seconds[0], "checkpoints_seconds": seconds[1],
        "time_part": seconds[1] / seconds[0],
    }  # fmt: skip
