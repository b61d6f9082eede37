"""Small ONNX image networks whose results are known, for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def colour_network(
    path: Path,
    *,
    layout: str = "NCHW",
    size: tuple[int, int] | tuple[str, str] = (4, 6),
    dtype: int = TensorProto.FLOAT,
    batch: int | str = "N",
    softmax: bool = False,
    features: bool = False,
    metadata: dict[str, str] | None = None,
) -> Path:
    """A network whose logits are the mean of each colour: three classes."""
    shape = [batch, 3, *size] if layout == "NCHW" else [batch, *size, 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    nodes = [
        helper.make_node("Cast", ["x"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["means"], axes=axes, keepdims=0),
        helper.make_node("Gemm", ["means", "matrix"], ["logits"]),
    ]
    outputs = ["logits"]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["p"], axis=1))
        outputs = ["p"]
    if features:
        outputs.append("means")
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3]) for name in outputs],
        [numpy_helper.from_array(np.eye(3, dtype=np.float32), "matrix")],
    )
    return save(graph, path, metadata)


def save(graph: Any, path: Path, metadata: dict[str, str] | None = None) -> Path:
    """A file of a graph."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def images(
    *colours: tuple[int, int, int], size: tuple[int, int] = (4, 6)
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Images of one colour each."""
    return np.stack([np.full((*size, 3), colour, np.uint8) for colour in colours])
