"""Without the package onnx, the bridge says what to install, and the rest works."""

import subprocess
import sys

WITHOUT = """
import sys
sys.modules["onnx"] = None
import torch, wolfdog as wd
from wolfdog.errors import MissingPackageError
layer = wd.Recurrent(wd.cells.GRUCell(2, 3), backend="eager")
for call in (lambda: wd.export_onnx(layer, "layer.onnx"), lambda: wd.from_onnx("layer.onnx")):
    try:
        call()
    except MissingPackageError as error:
        assert isinstance(error, ImportError)
        print(error)
print(layer(torch.zeros(4, 2, 2))[0].shape)
"""


def test_what_is_missing_is_told(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    first, second, last = ran.stdout.splitlines()
    assert first == second
    assert 'pip install "wolfdog[onnx]"' in first
    assert last == "torch.Size([4, 2, 3])"
    assert list(tmp_path.iterdir()) == []
