"""ONNX Runtime's operators, in inference: LSTM (with peepholes too), GRU, RNN; and steps of an LSTM by IO binding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .case import Case, Run

# blocks of packed parameters in ONNX's order: ours lie i, f, g, o and r, z, n; ONNX's i, o, f, c and z, r, h
OPERATORS = {
    "LSTM": ("LSTM", (0, 3, 1, 2)),
    "PeepholeLSTM": ("LSTM", (0, 3, 1, 2)),
    "GRU": ("GRU", (1, 0, 2)),
    "Elman": ("RNN", (0,)),
}


def onnx_session(case: Case) -> Run | str:
    """A model of one operator."""
    if case.training:
        return "ONNX Runtime is a peer in inference only"
    if case.name not in OPERATORS or not case.whole:
        return "ONNX has no operator for the cell, or none that torch.nn exports for ragged examples, or for resets"
    try:
        session = _session(case.name, case.cell, tuple(case.x.shape), states=0)
    except ImportError as missing:
        return f"{missing.name} is not installed"
    events = {"X": case.x.numpy()}
    return Run(lambda: session.run(None, events)[0], lambda y: [torch.from_numpy(y[:, 0])])


def lstm_steps(
    cell: nn.Module, x: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Callable[[], object], Callable[[], Tensor]] | str:
    """Steps of an LSTM at one event [B, I], as in a stream: states in two buffers that take turns, all of them bound.

    Returns:
        The call, and a function that reads the output [B, H]; or the reason why there are none.
    """
    try:
        from onnxruntime import OrtValue

        session = _session("LSTM", cell, (1, *x.shape), states=2)
    except ImportError as missing:
        return f"{missing.name} is not installed"

    def buffer(tensor: Tensor) -> Any:
        return OrtValue.ortvalue_from_numpy(tensor.detach().numpy().copy()[None])

    event, y = buffer(x), buffer(torch.zeros_like(state[0])[None])
    halves, bindings = [list(map(buffer, state)), list(map(buffer, state))], []
    for before, after in (halves, halves[::-1]):
        binding = session.io_binding()
        binding.bind_ortvalue_input("X", event)
        binding.bind_ortvalue_output("Y", y)
        for name, read, written in zip("hc", before, after, strict=True):
            binding.bind_ortvalue_input(f"initial_{name}", read)
            binding.bind_ortvalue_output(f"Y_{name}", written)
        bindings.append(binding)
    return _taking_turns(session, bindings), lambda: torch.from_numpy(y.numpy()[0, 0].copy())


def _taking_turns(session: Any, bindings: list[Any]) -> Callable[[], object]:
    runs = 0

    def step() -> None:
        nonlocal runs
        session.run_with_iobinding(bindings[runs])
        runs ^= 1

    return step


def _session(name: str, cell: nn.Module, shape: tuple[int, ...], states: int) -> Any:
    """Session of one operator over events [T, B, I], with so many states as inputs and outputs."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    operator, order = OPERATORS[name]
    arrays, (_, batch, size) = _arrays(cell, order), shape
    names = ["X", *arrays] if "P" not in arrays else ["X", "W", "R", "B", "", "", "", "P"]
    given, got = [f"initial_{s}" for s in "hc"[:states]], [f"Y_{s}" for s in "hc"[:states]]
    names += ["", *given] if states else []
    attributes = {"linear_before_reset": 1} if operator == "GRU" else {}
    node = helper.make_node(operator, names, ["Y", *got], hidden_size=size, **attributes)

    def declared(name: str, shape: list[int] | None) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [node],
        "one_operator",
        [declared("X", list(shape)), *(declared(state, [1, batch, size]) for state in given)],
        [declared("Y", None), *(declared(state, [1, batch, size]) for state in got)],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _arrays(cell: nn.Module, order: tuple[int, ...]) -> dict[str, np.ndarray]:
    def blocks(parameter: Tensor, order: tuple[int, ...]) -> Tensor:
        parts = parameter.detach().chunk(len(order))
        return torch.cat([parts[k] for k in order])

    named = dict(cell.named_parameters())
    bias = torch.cat([blocks(named["bias_ih"], order), blocks(named["bias_hh"], order)])
    arrays = {"W": blocks(named["weight_ih"], order), "R": blocks(named["weight_hh"], order), "B": bias}
    if "weight_ch" in named:
        arrays["P"] = blocks(named["weight_ch"], (0, 2, 1))
    return {name: array[None].numpy() for name, array in arrays.items()}
