"""Commands without a package of the extra `watch`: one line that says which to install."""

import sys

import numpy as np
import pytest

from cli_run import assert_told, wolfdog
from onnx_image_networks import colour_network
from watch_films import film


@pytest.mark.parametrize(
    ("module", "named"),
    [
        ("av", "av"),
        ("matplotlib.figure", "matplotlib"),
        ("onnxruntime", "onnxruntime"),
        ("pyarrow.parquet", "pyarrow"),
    ],
)
def test_watch_names_the_extra(module, named, tmp_path, monkeypatch):
    video = film(tmp_path / "a.mp4", [np.full((32, 32, 3), 200, np.uint8)] * 4)
    metadata = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
    network = colour_network(tmp_path / "colours.onnx", metadata=metadata)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    ran = wolfdog("watch", video, "--classifier", f"onnx:{network}", "--no-cache", "--out", tmp_path / "out")
    assert_told(ran, named, 'pip install "wolfdog[watch]"')


def test_tv_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    ran = wolfdog("tv", "--out", tmp_path / "tv", "--minutes", 0.01)
    assert_told(ran, "av", 'pip install "wolfdog[watch]"')
