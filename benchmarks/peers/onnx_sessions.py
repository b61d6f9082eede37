"""ONNX Runtime's operators, in inference: LSTM (with peepholes too), GRU, RNN."""

import numpy as np
import torch
from torch import Tensor

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
    if case.name not in OPERATORS or case.lengths is not None:
        return "ONNX has no operator for the cell, or none that torch.nn exports for ragged examples"
    try:
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as missing:
        return f"{missing.name} is not installed"
    operator, order = OPERATORS[case.name]
    arrays = _arrays(case, order)
    names = ["X", *arrays] if "P" not in arrays else ["X", "W", "R", "B", "", "", "", "P"]
    attributes = {"linear_before_reset": 1} if operator == "GRU" else {}
    size = case.x.shape[2]
    node = helper.make_node(operator, names, ["Y"], hidden_size=size, **attributes)
    graph = helper.make_graph(
        [node],
        "one_operator",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, list(case.x.shape))],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    events = {"X": case.x.numpy()}
    return Run(lambda: session.run(None, events)[0], lambda y: [torch.from_numpy(y[:, 0])])


def _arrays(case: Case, order: tuple[int, ...]) -> dict[str, np.ndarray]:
    def blocks(parameter: Tensor, order: tuple[int, ...]) -> Tensor:
        parts = parameter.detach().chunk(len(order))
        return torch.cat([parts[k] for k in order])

    named = dict(case.cell.named_parameters())
    bias = torch.cat([blocks(named["bias_ih"], order), blocks(named["bias_hh"], order)])
    arrays = {"W": blocks(named["weight_ih"], order), "R": blocks(named["weight_hh"], order), "B": bias}
    if "weight_ch" in named:
        arrays["P"] = blocks(named["weight_ch"], (0, 2, 1))
    return {name: array[None].numpy() for name, array in arrays.items()}
