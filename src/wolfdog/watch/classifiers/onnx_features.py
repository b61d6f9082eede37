"""Features of an ONNX classifier that gives class scores alone: the input of its last linear layer."""

from typing import Any

from .packages import is_installed, optional_package

_PASSES_THROUGH = (
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Identity",
    "Flatten",
    "Reshape",
    "Squeeze",
    "Add",
    "Cast",
)
FEATURES = "wolfdog_features"


def with_features(model: bytes, output: str) -> bytes | None:
    """Model with one more output, `FEATURES`: the input of the last linear layer before `output`.

    Args:
        model: Bytes of the model.
        output: Name of its output with class scores.

    Returns:
        Bytes of the new model; None if the package onnx is not installed or no linear layer ends the network.
    """
    if not is_installed("onnx"):
        return None
    onnx = optional_package("onnx", "reading an ONNX file", extra="watch")
    proto = onnx.load_model_from_string(model)
    source = _input_of_last_linear(proto.graph, output)
    if source is None:
        return None
    proto.graph.node.append(onnx.helper.make_node("Identity", [source], [FEATURES]))
    number = onnx.TensorProto.FLOAT
    proto.graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, number, None))
    return bytes(proto.SerializeToString())


def _input_of_last_linear(graph: Any, output: str) -> str | None:
    made_by = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name for tensor in graph.initializer}
    node = made_by.get(output)
    while node is not None:
        if node.op_type in ("Gemm", "MatMul"):
            return str(node.input[0]) if node.input[1] in constants else None
        if node.op_type not in _PASSES_THROUGH:
            return None
        node = next((made_by[name] for name in node.input if name in made_by), None)
    return None
