"""How fast layers run beside their peers, in one run: python benchmarks/speed.py [--quick] [--json FILE] [--cells ...]

Every row times, in turn and several times over, wolfdog, torch.nn, the eager loop, ONNX Runtime (inference) and
jax.lax.scan, and prints medians in milliseconds, the ratio of the best peer's time to wolfdog's, and wolfdog's rate
beside the machine's sgemm rate measured in the same row. Training is forward and backward with gradients to the events
and all parameters. A speed is printed only where outputs (and, in training, the events' gradient) agree.

Needs, beside wolfdog: onnx, onnxruntime and jax; a peer that is not installed is left out, and said so.
"""

import argparse
import io
import json
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import wolfdog as wd

SHAPES = [
    (100, 32, 128), (100, 32, 256), (200, 8, 64), (1000, 1, 128), (1000, 1, 256), (100, 64, 512), (100, 128, 256),
    (50, 256, 64),
]  # fmt: skip
QUICK = [(100, 32, 128), (200, 8, 64), (1000, 1, 128), (50, 256, 64)]
"""(steps, examples, units); there are as many features as units."""

GATES = {"LSTM": 4, "GRU": 3, "Elman": 1}
CELLS: dict[str, Callable[[int, int], nn.Module]] = {
    "LSTM": nn.LSTMCell,
    "GRU": nn.GRUCell,
    "Elman": nn.RNNCell,
    "PeepholeLSTM": wd.cells.PeepholeLSTM,
    "FourGateLSTM": wd.cells.FourGateLSTM,
}
LAYERS: dict[str, Callable[[int, int], nn.RNNBase]] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "Elman": nn.RNN}


def in_turn(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median milliseconds of each call; the calls take turns, so that what disturbs one disturbs all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < end or len(times[next(iter(times))]) < 5:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(found) for name, found in times.items()}


def torch_layer(name: str, cell: nn.Module, size: int) -> nn.Module | None:
    """torch.nn's layer with the cell's parameters."""
    if name not in LAYERS:
        return None
    layer = LAYERS[name](size, size)
    layer.load_state_dict({f"{key}_l0": value for key, value in cell.state_dict().items()})
    return layer


def onnx_session(layer: nn.Module | None, x: Tensor) -> Callable[[], Tensor] | None:
    """Inference of torch.nn's layer by ONNX Runtime."""
    try:
        import onnxruntime
    except ImportError:
        return None
    if layer is None:
        return None
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(layer.eval(), (x,), file, dynamo=False, input_names=["x"])
    layer.train()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda: torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


def jax_scan(
    name: str, cell: nn.Module, x: Tensor
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]] | None:
    """Inference and training of torch.nn's cells by jax.lax.scan, with the product of the events before the loop."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    if name not in GATES:
        return None
    weights = [jnp.asarray(p.detach().numpy()) for p in cell.parameters()]
    events, size = jnp.asarray(x.numpy()), x.shape[2]

    def forward(weights: list[object], events: object) -> object:
        w_x, w_h, b_x, b_h = weights
        inputs = events @ w_x.T + b_x

        def lstm(state: object, e: object) -> object:
            h, c = state
            i, f, g, o = jnp.split(e + h @ w_h.T + b_h, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(h: object, e: object) -> object:
            (er, ez, en), (hr, hz, hn) = jnp.split(e, 3, -1), jnp.split(h @ w_h.T + b_h, 3, -1)
            z = jax.nn.sigmoid(ez + hz)
            h = (1 - z) * jnp.tanh(en + jax.nn.sigmoid(er + hr) * hn) + z * h
            return h, h

        def elman(h: object, e: object) -> object:
            h = jnp.tanh(e + h @ w_h.T + b_h)
            return h, h

        zero = jnp.zeros((events.shape[1], size), events.dtype)
        step, start = {"LSTM": (lstm, (zero, zero)), "GRU": (gru, zero), "Elman": (elman, zero)}[name]
        return jax.lax.scan(step, start, inputs)[1]

    run = jax.jit(forward)
    gradient = jax.jit(jax.grad(lambda w, e: forward(w, e).sum(), argnums=(0, 1)))

    def trained() -> Tensor:
        found = jax.block_until_ready(gradient(weights, events))
        return torch.from_numpy(jax.device_get(found[1]).copy())

    return (
        lambda: torch.from_numpy(jax.device_get(jax.block_until_ready(run(weights, events))).copy())
    ), trained


def trained(layer: nn.Module, x: Tensor, **options: object) -> Tensor:
    """Forward and backward; the gradient of the events."""
    layer.zero_grad()
    x = x.detach().requires_grad_()
    layer(x, **options)[0].sum().backward()
    assert x.grad is not None
    return x.grad


def sgemm() -> float:
    """The machine's rate of matrix products, GFLOP/s, on 1024 x 1024."""
    a = torch.randn(1024, 1024)
    return 2 * 1024**3 / in_turn({"mm": lambda: a @ a}, 0.3)["mm"] / 1e6


def row(
    name: str, shape: tuple[int, int, int], training: bool, ragged: bool, seconds: float
) -> dict[str, object]:
    """One line of the table."""
    steps, batch, size = shape
    torch.manual_seed(0)
    cell = CELLS[name](size, size)
    x = torch.randn(steps, batch, size)
    options = {"lengths": torch.linspace(steps // 4, steps, batch).round().long().flip(0)} if ragged else {}
    ours, eager = wd.Recurrent(cell), wd.Recurrent(cell, backend="eager")
    assert ours.backend == "numba", ours.why_not
    theirs = torch_layer(name, cell, size)
    calls: dict[str, Callable[[], Tensor]] = {}
    if training:
        calls["wolfdog"], calls["eager loop"] = (
            partial(trained, ours, x, **options),
            partial(trained, eager, x, **options),
        )
    else:
        calls["wolfdog"], calls["eager loop"] = (
            (lambda: ours(x, **options)[0]),
            (lambda: eager(x, **options)[0]),
        )
    if theirs is not None and ragged:

        def packed(x: Tensor) -> Tensor:
            p = nn.utils.rnn.pack_padded_sequence(x, options["lengths"])
            return nn.utils.rnn.pad_packed_sequence(theirs(p)[0], total_length=steps)[0]

        def packed_trained() -> Tensor:
            theirs.zero_grad()
            leaf = x.detach().requires_grad_()
            packed(leaf).sum().backward()
            return leaf.grad

        calls["torch.nn"] = packed_trained if training else partial(packed, x)
    elif theirs is not None:
        calls["torch.nn"] = partial(trained, theirs, x) if training else (lambda: theirs(x)[0])
        scan = jax_scan(name, cell, x)
        if scan is not None:
            calls["jax.lax.scan"] = scan[int(training)]
        session = None if training else onnx_session(theirs, x)
        if session is not None:
            calls["onnxruntime"] = session
    with torch.set_grad_enabled(training):
        expected = calls["eager loop"]()
        for peer, call in calls.items():
            torch.testing.assert_close(
                call(), expected, rtol=1e-3, atol=1e-4, msg=lambda text, peer=peer: f"{peer}: {text}"
            )
        times = in_turn(calls, seconds)
    weights = sum(p.numel() for p in cell.parameters() if p.dim() == 2)
    flops = (
        (6 if training else 2)
        * weights
        * steps
        * batch
        * (float(options["lengths"].float().mean()) / steps if ragged else 1)
    )
    best = min(time for peer, time in times.items() if peer != "wolfdog")
    rate = flops / times["wolfdog"] / 1e6
    return {
        "cell": name, "steps": steps, "batch": batch, "units": size, "mode": "training" if training else "inference",
        "ragged": ragged, "milliseconds": times, "ratio": best / times["wolfdog"], "gflops": rate, "sgemm": sgemm(),
    }  # fmt: skip


def single(size: int, seconds: float) -> dict[str, object]:
    """One step of an LSTM at one example."""
    cell, x = nn.LSTMCell(size, size), torch.randn(1, size)
    layer, whole = wd.Recurrent(cell), torch_layer("LSTM", cell, size)
    state = (torch.randn(1, size), torch.randn(1, size))
    assert whole is not None
    with torch.no_grad():
        torch.testing.assert_close(layer.step(x, state)[0], cell(x, state)[0], rtol=1e-4, atol=1e-5)
        states = tuple(s.unsqueeze(0) for s in state)
        calls: dict[str, Callable[[], object]] = {
            "wolfdog": lambda: [layer.step(x, state) for _ in range(20)],
            "torch.nn.LSTMCell": lambda: [cell(x, state) for _ in range(20)],
            "torch.nn.LSTM": lambda: [whole(x.unsqueeze(0), states) for _ in range(20)],
        }
        times = {name: 50 * ms for name, ms in in_turn(calls, seconds).items()}
    return {"step": size, "microseconds": times, "ratio": times["torch.nn.LSTMCell"] / times["wolfdog"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four shapes, shorter")
    parser.add_argument("--json", type=Path, help="write all rows to a file")
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=list(CELLS))
    arguments = parser.parse_args()
    shapes, seconds = (QUICK, 0.15) if arguments.quick else (SHAPES, 1.0)
    rows: list[dict[str, object]] = []
    for name in arguments.cells:
        for training in (False, True):
            of_cell = []
            forms = [(shape, False) for shape in shapes] + [((100, 32, 128), True)]
            for shape, ragged in forms:
                of_cell.append(row(name, shape, training, ragged, seconds))
                print(line(of_cell[-1]), flush=True)
            mean = statistics.geometric_mean([float(str(r["ratio"])) for r in of_cell])
            print(f"{name}, {of_cell[0]['mode']}: geometric mean of the ratios {mean:.2f}\n", flush=True)
            rows += of_cell
    for size in (64, 128, 256, 512):
        rows.append(single(size, seconds))
        print(rows[-1], flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"threads": torch.get_num_threads(), "rows": rows}, indent=1) + "\n"
        )


def line(row: dict[str, object]) -> str:
    """A row for reading."""
    times = row["milliseconds"]
    assert isinstance(times, dict)
    shown = "  ".join(f"{name} {ms:.2f}" for name, ms in times.items())
    ragged = " ragged" if row["ragged"] else ""
    head = f"{row['cell']} {row['mode']}{ragged} T{row['steps']} B{row['batch']} H{row['units']}"
    return f"{head}: {shown}  | ratio {row['ratio']:.2f}, {row['gflops']:.0f} of {row['sgemm']:.0f} GFLOP/s"


if __name__ == "__main__":
    main()
