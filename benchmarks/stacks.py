"""Two layers in both directions: wolfdog.LSTM, GRU and RNN beside torch.nn's with the same parameters."""

from typing import Any

import torch
from torch import nn

import wolfdog as wd
from cells import QUICK, Shape
from peers.case import Case, of_module
from sequences import AGREE
from timing import disagreement, in_turn

LAYERS = {"LSTM": (wd.LSTM, nn.LSTM), "GRU": (wd.GRU, nn.GRU), "RNN": (wd.RNN, nn.RNN)}
SHAPES: list[Shape] = [*QUICK, (100, 128, 256)]


def stack_row(name: str, shape: Shape, training: bool, seconds: float) -> dict[str, Any]:
    """Milliseconds of both.

    Raises RuntimeError where their numbers differ.
    """
    steps, batch, size = shape
    torch.manual_seed(0)
    make, make_theirs = LAYERS[name]
    ours = make(size, size, num_layers=2, bidirectional=True)
    theirs = make_theirs(size, size, num_layers=2, bidirectional=True)
    theirs.load_state_dict(ours.state_dict())
    case = Case(name, ours, torch.randn(steps, batch, size), training)
    runs = {
        "wolfdog": of_module(case, ours, lambda x: ours(x)[0]),
        "torch.nn": of_module(case, theirs, lambda x: theirs(x)[0]),
    }
    with torch.set_grad_enabled(training):
        found, expected = (run.read(run.call()) for run in runs.values())
        error = disagreement(found, expected)
        if error > AGREE:
            raise RuntimeError(f"two layers of {name}, {shape}: the numbers differ by {error:.1e}")
        times = in_turn({peer: run.call for peer, run in runs.items()}, seconds)
    return {
        "layer": name, "steps": steps, "batch": batch, "units": size, "mode": "training" if training else "inference",
        "milliseconds": times, "ratio": times["torch.nn"] / times["wolfdog"],
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """A row for reading."""
    shown = "  ".join(f"{name} {ms:.2f}" for name, ms in row["milliseconds"].items())
    size = f"T{row['steps']} B{row['batch']} H{row['units']}"
    return f"{row['layer']}, two layers, both directions, {row['mode']} {size}: {shown} ms | {row['ratio']:.2f} times"
