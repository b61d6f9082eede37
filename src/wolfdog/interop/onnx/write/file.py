"""ONNX files: built, checked, and written atomically."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from os import PathLike
from typing import TYPE_CHECKING, Any

from ....atomic import atomic_write
from ....errors import InputError, ONNXError
from ..package import MAX_FILE_SIZE, onnx_package
from .graph import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 18, 8
"""Version of ONNX's operators, of December 2022, and the corresponding version of the file format."""


def model_of(graph: Graph, name: str, about: str, notes: Mapping[str, Any]) -> "ModelProto":
    """Graph as a model; notes become its metadata, as JSON unless they are text.

    Raises:
        ONNXError: ONNX's checks fail, or the model exceeds the maximum size of a file.
    """
    helper = onnx_package("onnx.helper")
    model: ModelProto = helper.make_model(
        graph.proto(name, about),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="wolfdog",
        producer_version=version("wolfdog"),
        doc_string=about,
    )
    helper.set_model_props(
        model, {key: note if isinstance(note, str) else json.dumps(note) for key, note in notes.items()}
    )
    size = model.ByteSize()
    if size > MAX_FILE_SIZE:
        raise ONNXError(f"{name}: {size:,} bytes exceed the maximum size of an ONNX file, {MAX_FILE_SIZE:,}")
    try:
        onnx_package("onnx.checker").check_model(model, full_check=True)
        onnx_package("onnx.shape_inference").infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # ONNX's exceptions have no common base class
        raise ONNXError(f"{name}: ONNX's checks fail: {error}") from error
    return model


def write_model(model: "ModelProto", path: str | PathLike[str]) -> None:
    """Write a model, atomically.

    Raises:
        ONNXError: It cannot be written.
        InputError: The path is neither text nor a Path.
    """
    if not isinstance(path, str | PathLike) or not str(path):
        raise InputError(f"the path of an ONNX file must be text or a Path; got {path!r}")
    try:
        with atomic_write(path, "wb") as file:
            file.write(model.SerializeToString(deterministic=True))
    except OSError as error:
        raise ONNXError(
            f"{path}: cannot be written: {error.strerror or error}. Choose another place."
        ) from error
