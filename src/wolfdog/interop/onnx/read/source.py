"""ONNX models from untrusted files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ONNXError
from ...arrays import Numbers
from ..package import MAX_FILE_SIZE, onnx_package
from .constant_folding import Folding
from .tensors import NUMBER_ATTRIBUTES, read_attribute, read_tensor
from .wire import ALLOWANCE, check_wire, extract_large

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

MIN_OPSET = 7
"""Oldest supported version of ONNX's operators: the first with the recurrent ones in their present form."""


class Source:
    """Model with a checked graph: nodes in order, and constants read on demand.

    Raises:
        ONNXError: The file cannot be read, is not an ONNX model, has operators of a version before 7, or its graph is
            inconsistent: names defined twice, inputs undefined before their use, cycles.
    """

    def __init__(self, model: "ModelProto | str | os.PathLike[str]") -> None:
        onnx = onnx_package()
        self.folder: Path | None = None
        self.name = "the model"
        self._outside: dict[bytes, memoryview] = {}
        if isinstance(model, str | os.PathLike):
            path = Path(model)
            self.name, self.folder = str(path), path.parent
            proto, self._outside = _parse(path)
        elif isinstance(model, onnx.ModelProto):
            proto = model
        else:
            raise ONNXError(f"from_onnx takes a path or an onnx.ModelProto; got {type(model).__name__}")
        self._check_version(proto)
        self.graph = proto.graph
        self._constants: dict[str, TensorProto | AttributeProto] = {}
        self._aliases: dict[str, str] = {}
        self._folding = Folding(self._stored, self.reserve)
        held = proto.ByteSize() + sum(len(data) for data in self._outside.values())
        self._left = 2 * held + ALLOWANCE
        self._read: set[str] = set()
        self.nodes: list[NodeProto] = list(self.graph.node)
        self._check_graph()

    def constant(self, name: str) -> Numbers | None:
        """Array of a value stored in the file; None if it is computed or a graph input.

        Raises:
            ONNXError: The tensor cannot be read, or nodes share tensors so often that copies would need more memory
                than twice the file's content.
        """
        name = self._aliases.get(name, name)
        try:
            array = self._folding.value(name)
        except ONNXError as error:
            raise ONNXError(f"{self.name}: {error}") from error
        if array is not None:
            self.reserve(array.nbytes, f"nodes share {name!r} so often")
        return array

    def _stored(self, name: str) -> Numbers | None:
        """Array of a value that the file stores unchanged."""
        name = self._aliases.get(name, name)
        held = self._constants.get(name)
        if held is None:
            return None
        if isinstance(held, onnx_package().AttributeProto):
            return read_attribute(held)
        array = read_tensor(held, self.folder, self._outside)
        if name not in self._read and held.data_location == 1:
            self._left += 2 * array.nbytes
        self._read.add(name)
        return array

    def reserve(self, size: int, why: str) -> None:
        """Reserve memory, in bytes.

        Raises:
            ONNXError: More than twice the file's content is reserved.
        """
        self._left -= size
        if size > 0 > self._left:
            raise ONNXError(f"{self.name}: {why} that it would need too much memory")

    def _check_version(self, model: "ModelProto") -> None:
        if not model.HasField("graph"):
            raise ONNXError(f"{self.name}: is not an ONNX model: it has no graph")
        versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
        if not versions or min(versions) < MIN_OPSET:
            found = f"version {min(versions)}" if versions else "none"
            raise ONNXError(
                f"{self.name}: expected ONNX's operators of version {MIN_OPSET} or later; got {found}"
            )

    def _check_graph(self) -> None:
        made: set[str] = set()
        for tensor in self.graph.initializer:
            self._define(tensor.name, made)
            self._constants[tensor.name] = tensor
        for declared in self.graph.input:  # older files declare the initialisers as inputs, too
            if declared.name not in self._constants:
                self._define(declared.name, made)
        made |= {sparse.values.name for sparse in self.graph.sparse_initializer}
        for node in self.nodes:
            if not all(isinstance(text, str) for text in (node.op_type, node.name, node.domain)):
                raise ONNXError(f"{self.name}: a node's name or operator is not text: {node.op_type!r}")
            where = f"{self.name}: node {node.name or node.op_type!r}"
            for name in node.input:
                if name and name not in made:
                    raise ONNXError(
                        f"{where} reads {name!r}, which no earlier node defines: it is missing, or part of a cycle"
                    )
            for name in node.output:
                if name:
                    self._define(name, made)
            self._record(node)

    def _define(self, name: str, made: set[str]) -> None:
        if not isinstance(name, str):  # protobuf returns bytes for invalid UTF-8
            raise ONNXError(f"{self.name}: the name {name!r} is not text")
        if name in made:
            raise ONNXError(f"{self.name}: {name!r} is defined twice")
        made.add(name)

    def _record(self, node: "NodeProto") -> None:
        """Record a node that may compute constants."""
        self._folding.add_node(node)
        if node.op_type == "Constant" and len(node.output) == 1:
            for attribute in node.attribute:
                if attribute.name == "value" and attribute.HasField("t"):
                    self._constants[node.output[0]] = attribute.t
                elif attribute.name in NUMBER_ATTRIBUTES:
                    self._constants[node.output[0]] = attribute
        elif node.op_type == "Identity" and len(node.input) == len(node.output) == 1:
            self._aliases[node.output[0]] = self._aliases.get(node.input[0], node.input[0])


def _parse(path: Path) -> tuple[Any, dict[bytes, memoryview]]:
    """Model of a file, and the bytes of its large tensors, which the model does not hold."""
    try:
        if path.exists() and not path.is_file():
            raise ONNXError(f"{path}: is not a file")  # reading a pipe would block
        size = path.stat().st_size
        if size > MAX_FILE_SIZE:
            raise ONNXError(
                f"{path}: {size:,} bytes exceed the maximum size of an ONNX file, {MAX_FILE_SIZE:,}"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ONNXError(f"{path}: cannot be read: {error.strerror or error}") from error
    proto = onnx_package().ModelProto
    try:
        raw = check_wire(data, proto.DESCRIPTOR)
        light, outside = extract_large(data, raw, proto.DESCRIPTOR) if raw else (data, {})
        return proto.FromString(light), outside
    except Exception as error:  # ONNXError or DecodeError, whose module differs between versions of protobuf
        raise ONNXError(f"{path}: is not an ONNX file, or damaged: {error}") from error
