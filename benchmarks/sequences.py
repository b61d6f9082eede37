"""One row: a cell over a sequence, by every peer in turn."""

import copy
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from cells import CELLS, IN_TORCH, RESETS, Shape, flops
from peers import PEERS, Case, Run, own_lstm
from timing import disagreement, in_turn, sgemm

AGREE = 2e-3
"""A speed counts where its numbers are the loop's to this part of the largest; in float32, over a thousand steps."""

FIRST = 3
"""Steps over which they are compared where float32 holds no longer than that."""

Row = dict[str, Any]
Form = Literal["full", "ragged", "resets"]
"""Sequences of full length, of different lengths, and with resets in mid-sequence."""


def row(
    name: str, shape: Shape, training: bool, form: Form, seconds: float, peers: list[str]
) -> tuple[Row, dict[str, str]]:
    """The row, and why peers are not in it.

    Raises RuntimeError where wolfdog's numbers are not the loop's: then there is no speed to speak of.
    """
    steps, batch, size = shape
    torch.manual_seed(0)
    cell = CELLS[name](size, size)
    with torch.no_grad():
        for (
            parameter
        ) in cell.parameters():  # no vector at a value that hides it, as peepholes that start at zero
            if parameter.dim() < 2:
                parameter.add_(0.05 * torch.randn_like(parameter))
    lengths = resets = None
    if form == "ragged":
        lengths = torch.linspace(1, steps, batch).round().long()[torch.randperm(batch)]
    elif form == "resets":
        resets = torch.rand(steps, batch) < RESETS
    case = Case(name, cell, torch.randn(steps, batch, size), training, lengths, resets)
    with torch.set_grad_enabled(training):
        runs, missing = _runs(case, peers)
        if name not in IN_TORCH:
            lstm = own_lstm(case)
            assert isinstance(lstm, Run)
            runs["wolfdog's LSTM"] = lstm
        if not case.whole:
            whole = PEERS["wolfdog"](replace(case, lengths=None, resets=None))
            assert isinstance(whole, Run)
            runs["wolfdog, whole"] = whole
        times = in_turn({peer: run.call for peer, run in runs.items()}, seconds)
    mean_steps = steps if lengths is None else float(lengths.float().mean())
    work = flops(cell, mean_steps, batch, training)
    found: Row = {
        "cell": name, "steps": steps, "batch": batch, "units": size, "mode": "training" if training else "inference",
        "form": form, "gflops": work / times["wolfdog"] / 1e6, "sgemm": sgemm(),
    }  # fmt: skip
    whole_time = times.pop("wolfdog, whole", None)
    if whole_time is not None:
        found["part_of_full"] = times["wolfdog"] / whole_time
    lstm_time = times.pop("wolfdog's LSTM", None)
    if lstm_time is not None:
        lstm_work = flops(torch.nn.LSTMCell(size, size), mean_steps, batch, training)
        found["time_per_flop"] = (times["wolfdog"] / work) / (lstm_time / lstm_work)
    best = min(((time, peer) for peer, time in times.items() if peer != "wolfdog"))
    return found | {"milliseconds": times, "best": best[1], "ratio": best[0] / times["wolfdog"]}, missing


def _runs(case: Case, peers: list[str]) -> tuple[dict[str, Run], dict[str, str]]:
    """The peers that run the case and give the loop's numbers, and why the others do not."""
    runs: dict[str, Run] = {}
    missing: dict[str, str] = {}
    expected = _loop(case)
    for peer in peers:
        run = PEERS[peer](case)
        if isinstance(run, str):
            missing[peer] = run
            continue
        error = disagreement(run.read(run.call()), expected)
        if error < AGREE or _agrees_at_first(peer, case, expected):
            runs[peer] = run
        else:
            missing[peer] = f"{case.name}: its numbers differ from the loop's by {error:.1e}"
    if "wolfdog" not in runs:
        raise RuntimeError(f"{case.name}, {tuple(case.x.shape)}: {missing['wolfdog']}")
    return runs, missing


def _agrees_at_first(peer: str, case: Case, expected: list[Tensor]) -> bool:
    """Whether a peer's numbers are the loop's over the first steps, where over all of them the loop's own are not those
    of float64: the gradients of some cells explode."""
    exact = _loop(replace(case, cell=copy.deepcopy(case.cell).double(), x=case.x.double()))
    if disagreement(expected, exact) < AGREE / 2:
        return False
    ends = None if case.lengths is None else case.lengths.clamp(max=FIRST)
    anew = None if case.resets is None else case.resets[:FIRST]
    first = replace(case, x=case.x[:FIRST], lengths=ends, resets=anew)
    run = PEERS[peer](first)
    return isinstance(run, Run) and disagreement(run.read(run.call()), _loop(first)) < AGREE


def _loop(case: Case) -> list[Tensor]:
    loop = PEERS["eager loop"](case)
    assert isinstance(loop, Run)
    return loop.read(loop.call())


def line(row: Row) -> str:
    """A row for reading."""
    shown = "  ".join(f"{name} {ms:.2f}" for name, ms in row["milliseconds"].items())
    head = f"{row['cell']} {row['mode']}{'' if row['form'] == 'full' else ' ' + row['form']}"
    size = f"T{row['steps']} B{row['batch']} H{row['units']}"
    per = f", {row['time_per_flop']:.2f} of LSTM's time per FLOP" if "time_per_flop" in row else ""
    rate = f"{row['gflops']:.0f} of {row['sgemm']:.0f} GFLOP/s"
    if "part_of_full" in row:
        per += f", {row['part_of_full']:.2f} of the time of full lengths without resets"
    return f"{head} {size}: {shown} ms | {row['ratio']:.2f} times {row['best']}, {rate}{per}"
