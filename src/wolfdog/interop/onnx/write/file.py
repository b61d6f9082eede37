"""ONNX files, written: whole or not there, checked, and saying what made them."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from os import PathLike
from typing import TYPE_CHECKING, Any

from ....atomic import atomic_write
from ....errors import InputError, ONNXError
from ..package import LARGEST, onnx_package
from .graph import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 18, 8
"""The version of ONNX's operators, of December 2022, and the version of the file format that came with it."""


def model_of(graph: Graph, name: str, about: str, notes: Mapping[str, Any]) -> "ModelProto":
    """The graph as a model; notes become its metadata, as JSON where they are not text.

    Raises ONNXError where ONNX's own checks object, or the model is larger than a file may be.
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
    if size > LARGEST:
        raise ONNXError(f"{name}: {size:,} bytes are more than an ONNX file may have, {LARGEST:,}")
    try:
        onnx_package("onnx.checker").check_model(model, full_check=True)
        onnx_package("onnx.shape_inference").infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # its classes come from C++ and have no common root
        raise ONNXError(f"{name}: ONNX's checks object to it: {error}") from error
    return model


def write_model(model: "ModelProto", path: str | PathLike[str]) -> None:
    """Write a model, atomically.

    Raises ONNXError when it cannot be written, InputError for a path that is none.
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
