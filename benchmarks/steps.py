"""One step of an LSTM at one example, as in a stream."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import wolfdog as wd
from peers.onnx_sessions import lstm_steps
from peers.torch_layers import layer_like
from timing import disagreement, in_turn

SIZES = (64, 128, 256, 512)
CALLS = 20  # in one timing, so that the clock is fine enough


def step_row(size: int, seconds: float) -> dict[str, Any]:
    """Microseconds of a step by wolfdog, by its stream, and by its peers.

    Peers are torch.nn.LSTMCell, torch.nn.LSTM on one event, and ONNX Runtime's session with IO binding.
    """
    torch.manual_seed(0)
    cell, x = nn.LSTMCell(size, size), torch.randn(1, size)
    layer, whole = wd.Recurrent(cell), layer_like("LSTM", cell, size)
    state = (torch.randn(1, size), torch.randn(1, size))
    first, states = x.unsqueeze(0), (state[0].unsqueeze(0), state[1].unsqueeze(0))
    with torch.no_grad():
        expected = cell(x, state)
        stream = layer.stream()
        stream.state = state
        if disagreement([stream.step(x)], [expected[0]]) > 1e-4:
            raise RuntimeError(f"one step of a stream of {size} units: the answers differ")
        others = [layer.step(x, state)[1], tuple(s[0] for s in whole(first, states)[1])]
        if max(disagreement(other, expected) for other in others) > 1e-4:
            raise RuntimeError(f"one step of an LSTM of {size} units: the answers differ")
        session = lstm_steps(cell, x, state)
        calls: dict[str, Callable[[], object]] = {
            "wolfdog": lambda: [layer.step(x, state) for _ in range(CALLS)],
            "wolfdog's stream": lambda: [stream.step() for _ in range(CALLS)],
            "torch.nn.LSTMCell": lambda: [cell(x, state) for _ in range(CALLS)],
            "torch.nn.LSTM": lambda: [whole(first, states) for _ in range(CALLS)],
        }
        if not isinstance(session, str):
            run, read = session
            run()
            if disagreement([read()], [expected[0]]) > 1e-4:
                raise RuntimeError(f"one step of ONNX Runtime at {size} units: the answers differ")
            calls["onnxruntime, IO binding"] = lambda: [run() for _ in range(CALLS)]
        times = {name: 1e3 * ms / CALLS for name, ms in in_turn(calls, seconds).items()}
    bound = times.get("onnxruntime, IO binding")
    return {
        "units": size,
        "microseconds": times,
        "cell_ratio": times["torch.nn.LSTMCell"] / times["wolfdog"],
        "layer_ratio": times["torch.nn.LSTM"] / times["wolfdog"],
        "stream_layer_ratio": times["torch.nn.LSTM"] / times["wolfdog's stream"],
        "stream_ratio": times["torch.nn.LSTMCell"] / times["wolfdog's stream"],
        **({} if bound is None else {"stream_onnx_ratio": bound / times["wolfdog's stream"]}),
    }


def line(row: dict[str, Any]) -> str:
    """A row for reading."""
    shown = "  ".join(f"{name} {us:.1f}" for name, us in row["microseconds"].items())
    ratios = (
        f"{row['cell_ratio']:.1f} and {row['layer_ratio']:.1f} times, stream {row['stream_ratio']:.1f} times"
    )
    return f"one step H{row['units']}: {shown} us | {ratios}"
