"""A small ONNX network that finds squares of pure colour, with YOLO's output."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onnx_image_networks import save

SIDE, CELL = 64, 8


def square_finder(
    path: Path,
    layout: Literal["v5", "v8"],
    metadata: dict[str, str] | None = None,
    *,
    size: Any = SIDE,
    side: int = CELL,
) -> Path:
    """A detector of 64 boxes, one for each cell of 8 x 8 pixels: its score for "red" or "green" is that colour's mean.

    Boxes have `side` pixels along each side and are centred on their cells.
    """
    cells = SIDE // CELL
    centres = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), 0).reshape(2, -1) * CELL + CELL / 2
    geometry = np.concatenate([centres, np.full_like(centres, side)]).astype(np.float32)[None]
    if layout == "v5":
        geometry = np.concatenate([geometry, np.full((1, 1, cells**2), 0.9, np.float32)], axis=1)
    nodes = [
        helper.make_node("AveragePool", ["x"], ["mean"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Slice", ["mean", "from", "to", "axis"], ["two"]),
        helper.make_node("Reshape", ["two", "shape"], ["scores"]),
        helper.make_node("Concat", ["geometry", "scores"], ["columns"], axis=1),
        helper.make_node("Transpose", ["columns"], ["out"], perm=[0, 2, 1] if layout == "v5" else [0, 1, 2]),
    ]
    constants = {
        "from": np.array([0]),
        "to": np.array([2]),
        "axis": np.array([1]),
        "shape": np.array([1, 2, cells**2]),
        "geometry": geometry,
    }
    columns = geometry.shape[1] + 2
    shape = [1, cells**2, columns] if layout == "v5" else [1, columns, cells**2]
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return save(graph, path, metadata if metadata is not None else {"names": "{0: 'red', 1: 'green'}"})
