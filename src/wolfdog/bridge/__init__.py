"""Other tools: layers to and from ONNX, weights from Keras and Flax."""

from .export import export_onnx as export_onnx
from .flax import from_flax as from_flax
from .imported import ONNXLayer as ONNXLayer
from .imported import from_onnx as from_onnx
from .keras import from_keras as from_keras

__all__ = ["ONNXLayer", "export_onnx", "from_flax", "from_keras", "from_onnx"]
