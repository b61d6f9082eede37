"""ONNX Runtime, and the comparison of what it gives with what a layer gives."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import shape_inference
from torch import Tensor

import wolfdog as wd
from tolerances import assert_agree

onnxruntime.set_default_logger_severity(4)


def check_file(path: object) -> onnx.ModelProto:
    """Fails unless the file passes all of ONNX's checks and says what made it."""
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    assert (model.producer_name, model.producer_version) == ("wolfdog", wd.__version__)
    return model


def session(model: object) -> onnxruntime.InferenceSession:
    """A file or a model, ready to be run."""
    given = str(model) if isinstance(model, str) or hasattr(model, "is_file") else model.SerializeToString()
    return onnxruntime.InferenceSession(given, providers=["CPUExecutionProvider"])


def run(model: object, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The outputs by name."""
    started = session(model)
    feeds = {name: np.ascontiguousarray(tensor.detach().numpy()) for name, tensor in inputs.items()}
    names = [output.name for output in started.get_outputs()]
    return dict(zip(names, map(torch.from_numpy, started.run(names, feeds)), strict=True))


def assert_gives(model: object, inputs: Mapping[str, Tensor], expected: Sequence[Tensor]) -> None:
    """Fails unless ONNX Runtime gives these tensors, in the order of the model's outputs."""
    found = run(model, inputs)
    assert len(found) == len(expected)
    for actual, wanted in zip(found.values(), expected, strict=True):
        if wanted.dtype is torch.bool:
            assert torch.equal(actual, wanted)
        else:
            assert_agree(actual, wanted.detach())


def outputs_as_onnx(layer, x, state=None, lengths=None):
    """What a layer gives, laid out as the outputs of its node."""
    y, last = layer(x, state, lengths)
    ways = 2 if layer.direction == "bidirectional" else 1
    y, last = y.unflatten(-1, (ways, layer.hidden_size)), list(flat(last))
    if layer.batch_first:
        return [y, *(memory.transpose(0, 1) for memory in last)]
    return [y.transpose(1, 2), *last]


def flat(state):
    return state if isinstance(state, tuple) else (state,)
