"""The peak of memory in training, beside torch.nn.LSTM's on the same work."""

import statistics
import subprocess
import sys

SHAPES = [(100, 64, 512), (1000, 8, 128)]
RUNS = 3

# The kernel keeps the largest size a process had; writing 5 to clear_refs starts it anew.
PROGRAM = """
import sys, torch
from pathlib import Path
import wolfdog as wd

def size(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

kind, steps, batch, units = sys.argv[1], *map(int, sys.argv[2:])
torch.manual_seed(0)
layer = torch.nn.LSTM(units, units) if kind == "torch.nn" else wd.Recurrent(torch.nn.LSTMCell(units, units))
x = torch.randn(steps, batch, units)

def train(x):
    layer.zero_grad()
    layer(x.requires_grad_())[0].sum().backward()

train(x[:2].clone())  # what is loaded once
layer.zero_grad()
Path("/proc/self/clear_refs").write_text("5")
before = size("VmRSS")
train(x)
print((size("VmHWM") - before) / 1024)
"""


def peak(kind: str, shape: tuple[int, int, int]) -> float:
    """MiB that one forward and backward pass adds at its peak."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, kind, *map(str, shape)]
    return statistics.median(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(RUNS)
    )


def memory_row(shape: tuple[int, int, int]) -> dict[str, object]:
    """MiB of both, and wolfdog's part of torch.nn's."""
    ours, theirs = peak("wolfdog", shape), peak("torch.nn", shape)
    steps, batch, units = shape
    return {
        "steps": steps, "batch": batch, "units": units, "wolfdog_mib": ours, "torch_mib": theirs,
        "part": ours / theirs,
    }  # fmt: skip
