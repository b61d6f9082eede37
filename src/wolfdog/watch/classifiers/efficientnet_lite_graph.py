"""EfficientNet-Lite as an ONNX graph, written node by node from the network's own list of convolutions."""

import json
from typing import Any

import numpy as np

from .efficientnet_lite import FEATURES, EfficientNetLite
from .imagenet import imagenet_classes
from .packages import optional_package

OPSET = 17
"""ONNX version that ONNX Runtime reads from 1.12 on."""
IR_VERSION = 8


def onnx_graph(network: EfficientNetLite) -> bytes:
    """ONNX file of the network.

    Input `images`: uint8 RGB [N, H, W, 3]. Outputs `features` [N, 1280] and `logits` [N, 1000], float32. The metadata
    has the names of the classes and of the outputs, which `OnnxClassifier` reads.

    Args:
        network: The network.

    Returns:
        Bytes of the file.

    Raises:
        MissingPackageError: The package onnx is not installed.
    """
    onnx = optional_package("onnx", "writing a network as an ONNX file", extra="watch")
    helper, tensor_type = onnx.helper, onnx.TensorProto
    nodes: list[Any] = []
    tensors: list[Any] = []

    def constant(name: str, values: Any) -> str:
        tensors.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # (x - 127) / 128 is exact in float32 in this order.
    x = node("Transpose", [node("Cast", ["images"], "numbers", to=tensor_type.FLOAT)], "planes",
             perm=[0, 3, 1, 2])  # fmt: skip
    x = node("Sub", [x, constant("mean", np.float32(127))], "centred")
    x = node("Div", [x, constant("deviation", np.float32(128))], "normalised")
    zero, six = constant("zero", np.float32(0)), constant("six", np.float32(6))
    size, kept = network.variant.size, x
    parameters = zip(network.convolutions, network.weights, network.biases, strict=True)
    for i, (layer, weight, bias) in enumerate(parameters):
        if layer.begins_block:
            kept = x
        before, after = layer.padding(size)
        size = -(-size // layer.stride)
        inputs = [x, constant(f"{i}.weight", weight.numpy()), constant(f"{i}.bias", bias.numpy())]
        x = node("Conv", inputs, f"{i}", pads=[before, before, after, after], group=layer.groups,
                 strides=[layer.stride] * 2, kernel_shape=[layer.kernel] * 2)  # fmt: skip
        if layer.relu6:
            x = node("Clip", [x, zero, six], f"{i}.relu6")
        if layer.ends_block:
            x = node("Add", [x, kept], f"{i}.sum")
    node("Flatten", [node("GlobalAveragePool", [x], "pooled")], "features", axis=1)
    head = [constant("fc.weight", network.fc_weight.numpy()), constant("fc.bias", network.fc_bias.numpy())]
    node("Gemm", ["features", *head], "logits", transB=1)
    side = network.variant.size
    graph = helper.make_graph(
        nodes,
        network.variant.name,
        [helper.make_tensor_value_info("images", tensor_type.UINT8, ["N", side, side, 3])],
        [
            helper.make_tensor_value_info("features", tensor_type.FLOAT, ["N", FEATURES]),
            helper.make_tensor_value_info("logits", tensor_type.FLOAT, ["N", 1000]),
        ],
        tensors,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="wolfdog"
    )
    described = {
        "names": json.dumps(imagenet_classes()),
        "classes_output": "logits",
        "features_output": "features",
    }
    helper.set_model_props(model, described)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
