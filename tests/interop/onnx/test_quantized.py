"""Quantized layers in ONNX files: int8 with DequantizeLinear, in ONNX Runtime and read back."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import wolfdog as wd
from onnx_runtime import assert_gives, check_file, onnxruntime
from tolerances import assert_agree

LAYERS = {
    "LSTM": lambda: wd.Recurrent(wd.cells.LSTMCell(6, 18)),
    "GRU in two directions": lambda: wd.Bidirectional(wd.cells.GRUCell(6, 18)),
    "layer of torch": lambda: wd.LSTM(6, 18, 2, bidirectional=True),
    "four gates": lambda: wd.Recurrent(wd.cells.FourGateLSTMCell(6, 18)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_files(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    small = wd.quantize(layer)
    wd.export_onnx(layer, tmp_path / "full.onnx")
    wd.export_onnx(small, tmp_path / "small.onnx")
    model = check_file(tmp_path / "small.onnx")
    stored = [onnx.numpy_helper.to_array(each) for each in model.graph.initializer]
    assert max(array.size for array in stored if array.dtype == np.float32) < 300
    assert sum(array.nbytes for array in stored if array.dtype == np.int8) > 500
    x = torch.randn(5, 2, 6)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")  # sums of float32
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx", options)
    assert_agree(torch.from_numpy(session.run(["y"], {"x": x.numpy()})[0]), small(x)[0])
    if "DequantizeLinear" in {node.op_type for node in model.graph.node} and name != "four gates":
        back = wd.from_onnx(tmp_path / "small.onnx")
        parts = back if isinstance(back, list) else [back]
        y = x
        for part in parts:
            y, _ = part(y)
        assert_agree(y, small(x)[0])


def test_a_layer_that_was_read_is_quantized_again(tmp_path: Path) -> None:
    small = wd.quantize(wd.Recurrent(wd.cells.GRUCell(6, 18)))
    wd.export_onnx(small, tmp_path / "small.onnx")
    [back] = wd.from_onnx(tmp_path / "small.onnx")
    again = wd.quantize(nn.ModuleList([back]))[0]
    x = torch.randn(5, 2, 6)
    assert_agree(again(x)[0], small(x)[0])
    wd.export_onnx(again, tmp_path / "again.onnx")
    assert_gives(tmp_path / "again.onnx", {"x": x}, [small(x)[0], small(x)[1].unsqueeze(0)])
