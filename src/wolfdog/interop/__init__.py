"""Interoperation: layers to and from ONNX, weights from Keras and Flax."""

from .flax import from_flax as from_flax
from .keras import from_keras as from_keras
from .onnx.read.layer import ONNXLayer as ONNXLayer
from .onnx.read.layer import from_onnx as from_onnx
from .onnx.write.export import export_onnx as export_onnx

__all__ = ["ONNXLayer", "export_onnx", "from_flax", "from_keras", "from_onnx"]
