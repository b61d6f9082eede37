"""One row: a cell in bfloat16 or with weights of int8, beside its float32 and PyTorch's own of that format."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import wolfdog as wd
from cells import CELLS, IN_TORCH, Shape, layer_of
from peers.case import Case, Run, of_module
from peers.torch_layers import layer_like
from sequences import AGREE
from timing import disagreement, in_turn

PRECISIONS = ("float32", "bfloat16", "int8")
NAMES = [*IN_TORCH, "PeepholeLSTM", "FourGateLSTM"]
SHAPES: list[Shape] = [(100, 32, 128), (100, 32, 256), (100, 64, 512), (1000, 1, 256)]
STEPS = (64, 128, 256, 512)
CALLS = 20

WORSE = 1.1
"""An error of bfloat16 counts as the format's up to so many times the eager loop's in the same format."""

Row = dict[str, Any]


def format_row(name: str, shape: Shape, training: bool, precision: str, seconds: float) -> Row:
    """Milliseconds of a call.

    Raises RuntimeError where wolfdog's numbers are not those of the format.
    """
    steps, batch, size = shape
    torch.manual_seed(0)
    cell, x = CELLS[name](size, size), torch.randn(steps, batch, size)
    make = _bfloat16 if precision == "bfloat16" else _int8
    with torch.set_grad_enabled(training):
        runs = {
            "wolfdog, float32": _ours(name, Case(name, cell, x, training)),
            **make(name, cell, x, training),
        }
        times = in_turn({peer: run.call for peer, run in runs.items()}, seconds)
    ours = times["wolfdog"]
    peers = {peer: time / ours for peer, time in times.items() if not peer.startswith("wolfdog")}
    row = {
        "cell": name, "steps": steps, "batch": batch, "units": size, "precision": precision,
        "mode": "training" if training else "inference", "milliseconds": times,
        "of_float32": times["wolfdog, float32"] / ours,
    }  # fmt: skip
    if peers:
        row["best"] = min(peers, key=lambda peer: peers[peer])
        row["ratio"] = peers[row["best"]]
    return row


def format_steps(size: int, precision: str, seconds: float) -> Row:
    """Microseconds of a step of an LSTM at one example: of streams, and of layers whose tensors have the format.

    Raises RuntimeError where the answers differ.
    """
    torch.manual_seed(0)
    cell, x = nn.LSTMCell(size, size), torch.randn(1, size)
    layer = wd.Recurrent(cell)
    reduced = wd.quantize(layer) if precision == "int8" else wd.Recurrent(cell, precision="bfloat16")
    with torch.no_grad():
        streams = {"wolfdog, float32": layer.stream(x=x), "wolfdog": reduced.stream(x=x)}
        found = [stream.step() for stream in streams.values()]
        if disagreement(found[1:], found[:1]) > 5e-2:
            raise RuntimeError(f"a step of {size} units in {precision}: the answers differ")
        state = cell(x)
        calls: dict[str, Callable[[], object]] = {
            peer: lambda stream=stream: [stream.step() for _ in range(CALLS)]  # type: ignore[misc]
            for peer, stream in streams.items()
        }
        calls["torch.nn.LSTMCell, float32"] = lambda: [cell(x, state) for _ in range(CALLS)]
        if precision == "bfloat16":
            for dtype in (torch.bfloat16, torch.float16):
                calls |= _half_steps(cell, x, state, dtype)
        times = {peer: 1e3 * ms / CALLS for peer, ms in in_turn(calls, seconds).items()}
    return {
        "units": size, "precision": precision, "microseconds": times,
        "of_float32": times["wolfdog, float32"] / times["wolfdog"],
    }  # fmt: skip


def _half_steps(
    cell: nn.Module, x: Tensor, state: tuple[Tensor, Tensor], dtype: torch.dtype
) -> dict[str, Callable[[], object]]:
    """Steps of a layer of bfloat16 or float16, and of PyTorch's cell of that format."""
    theirs = copy.deepcopy(cell).to(dtype)
    layer, name = wd.Recurrent(copy.deepcopy(theirs)), str(dtype).removeprefix("torch.")
    event, (h, c) = x.to(dtype), state
    before = h.to(dtype), c.to(dtype)
    expected = cell(event.float(), tuple(part.float() for part in before))
    if disagreement([part.float() for part in layer.step(event, before)[1]], expected) > 5e-2:
        raise RuntimeError(f"a step of {x.shape[1]} units in {name}: the answers differ")
    return {
        f"wolfdog's step, {name}": lambda: [layer.step(event, before) for _ in range(CALLS)],
        f"torch.nn.LSTMCell, {name}": lambda: [theirs(event, before) for _ in range(CALLS)],
    }


def _ours(name: str, case: Case) -> Run:
    layer = layer_of(name, case.cell)
    return of_module(case, layer, lambda x: layer(x)[0])


def _bfloat16(name: str, cell: nn.Module, x: Tensor, training: bool) -> dict[str, Run]:
    """wolfdog's layer of bfloat16, once its errors are at most those of the loop; torch.nn's, and that compiled."""
    half = Case(name, copy.deepcopy(cell).bfloat16(), x.bfloat16(), training)
    runs = {"wolfdog": _ours(name, half)}
    eager = layer_of(name, half.cell, backend="eager")
    exact = layer_of(name, copy.deepcopy(half.cell).double(), backend="eager")
    true = _read(of_module(Case(name, exact.cell, half.x.double(), training), exact, lambda x: exact(x)[0]))
    ours, theirs = (_read(run) for run in (runs["wolfdog"], of_module(half, eager, lambda x: eager(x)[0])))
    for found, other, should in zip(ours, theirs, true, strict=True):
        if (found - should).norm() > WORSE * (other - should).norm():
            raise RuntimeError(f"{name} in bfloat16, {tuple(x.shape)}: errors are larger than the loop's")
    if name in IN_TORCH:
        layer = layer_like(name, cell, x.shape[2]).bfloat16()
        runs["torch.nn"] = of_module(half, layer, lambda x: layer(x)[0])
    return runs


def _int8(name: str, cell: nn.Module, x: Tensor, training: bool) -> dict[str, Run]:
    """wolfdog's quantized layer, where its numbers are the loop's; PyTorch's dynamically quantized layer."""
    layer = wd.quantize(layer_of(name, cell))
    case = Case(name, layer.cell, x, training)
    runs = {"wolfdog": of_module(case, layer, lambda x: layer(x)[0])}
    eager = layer_of(name, layer.cell, backend="eager")
    error = disagreement(_read(runs["wolfdog"]), [eager(x)[0].double()])
    if error > AGREE:
        raise RuntimeError(
            f"{name} in int8, {tuple(x.shape)}: its numbers differ from the loop's by {error:.1e}"
        )
    if name in ("LSTM", "GRU"):
        whole = layer_like(name, cell, x.shape[2])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dynamic = torch.ao.quantization.quantize_dynamic(nn.Sequential(whole), {type(whole)})
        runs["torch's dynamic int8"] = of_module(case, dynamic, lambda x: dynamic(x)[0])
    return runs


def _read(run: Run) -> list[Tensor]:
    return [tensor.detach().double() for tensor in run.read(run.call())]


def line(row: Row) -> str:
    """A row for reading."""
    if "microseconds" in row:
        shown = "  ".join(f"{name} {us:.1f}" for name, us in row["microseconds"].items())
        return f"one step in {row['precision']} H{row['units']}: {shown} us | {row['of_float32']:.2f} times float32"
    shown = "  ".join(f"{name} {ms:.2f}" for name, ms in row["milliseconds"].items())
    size = f"T{row['steps']} B{row['batch']} H{row['units']}"
    best = f", {row['ratio']:.2f} times {row['best']}" if "best" in row else ""
    head = f"{row['cell']} {row['mode']} in {row['precision']} {size}"
    return f"{head}: {shown} ms | {row['of_float32']:.2f} times float32{best}"
