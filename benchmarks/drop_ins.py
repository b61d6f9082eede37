"""One layer of wolfdog.LSTM, GRU and RNN beside wolfdog.Recurrent over the cell, with the same parameters."""

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import wolfdog as wd
from cells import IN_TORCH, Shape, layer_of
from peers.case import Case, of_module
from sequences import AGREE
from timing import disagreement, in_turn, rounds_of

LAYERS = {"LSTM": wd.LSTM, "GRU": wd.GRU, "Elman": wd.RNN}
SHAPES: list[Shape] = [(100, 32, 128), (100, 32, 256), (200, 8, 64), (1000, 1, 128), (50, 256, 64)]

TURN = 10.0
"""Milliseconds of calls in one turn: a part within 5 % is not to be told from a single call of a fraction of one."""


def drop_in_row(name: str, shape: Shape, training: bool, seconds: float) -> dict[str, Any]:
    """Milliseconds of both, and the drop-in's part of the single layer's: the median of the rounds' parts.

    Raises RuntimeError where their numbers differ.
    """
    steps, batch, size = shape
    torch.manual_seed(0)
    cell = IN_TORCH[name](size, size)
    single, drop_in = layer_of(name, cell), LAYERS[name](size, size)
    drop_in.load_state_dict({f"{key}_l0": value for key, value in cell.state_dict().items()})
    case = Case(name, cell, torch.randn(steps, batch, size), training)
    runs = {
        "Recurrent": of_module(case, single, lambda x: single(x)[0]),
        "drop-in": of_module(case, drop_in, lambda x: drop_in(x)[0]),
    }
    with torch.set_grad_enabled(training):
        expected, found = (run.read(run.call()) for run in runs.values())
        error = disagreement(found, expected)
        if error > AGREE:
            raise RuntimeError(f"one layer of {name}, {shape}: the numbers differ by {error:.1e}")
        calls = {which: run.call for which, run in runs.items()}
        many = max(1, round(TURN / in_turn(calls, 0.0)["Recurrent"]))
        turns = {which: partial(_repeated, call, many) for which, call in calls.items()}
        rounds = rounds_of(turns, seconds)
    parts = [ours / single for ours, single in zip(rounds["drop-in"], rounds["Recurrent"], strict=True)]
    return {
        "layer": f"wolfdog.{LAYERS[name].__name__}", "steps": steps, "batch": batch, "units": size,
        "mode": "training" if training else "inference",
        "milliseconds": {which: statistics.median(times) / many for which, times in rounds.items()},
        "part": statistics.median(parts),
    }  # fmt: skip


def _repeated(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def line(row: dict[str, Any]) -> str:
    """A row for reading."""
    shown = "  ".join(f"{name} {ms:.3f}" for name, ms in row["milliseconds"].items())
    size = f"T{row['steps']} B{row['batch']} H{row['units']}"
    return f"{row['layer']}, {row['mode']} {size}: {shown} ms | {row['part']:.3f} of the single layer's"
