"""ONNX models from files that nobody vouches for."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ONNXError
from ...arrays import Numbers
from ..package import LARGEST, onnx_package
from .constant_folding import Folding
from .tensors import LISTS, read_attribute, read_tensor
from .wire import ROOM, check_wire, without

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

OLDEST = 7
"""The oldest version of ONNX's operators that is read: the first in which the recurrent ones are as they are."""


class Source:
    """A model whose graph was checked: nodes in order, and constants that are read when they are asked for.

    Raises ONNXError for a file that cannot be read, is no ONNX model, or whose graph does not hold together:
    names made twice, inputs that nothing before makes (which a cycle has too), operators of a version before 7.
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
        self._same: dict[str, str] = {}
        self._folding = Folding(self._stored, self.take)
        held = proto.ByteSize() + sum(len(data) for data in self._outside.values())
        self._left = 2 * held + ROOM
        self._read: set[str] = set()
        self.nodes: list[NodeProto] = list(self.graph.node)
        self._check_graph()

    def constant(self, name: str) -> Numbers | None:
        """The numbers of a value that the file says; None for one that is computed or handed in.

        Raises ONNXError for a tensor that cannot be read, and where nodes share tensors so often that they would take
        more memory than twice what the file holds.
        """
        name = self._same.get(name, name)
        try:
            array = self._folding.value(name)
        except ONNXError as error:
            raise ONNXError(f"{self.name}: {error}") from error
        if array is not None:
            self.take(array.nbytes, f"nodes share {name!r} so often")
        return array

    def _stored(self, name: str) -> Numbers | None:
        """The numbers of a value that the file holds as it is."""
        name = self._same.get(name, name)
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

    def take(self, size: int, why: str) -> None:
        """Count so many bytes of memory as taken.

        Raises ONNXError where that is more than twice what the file holds.
        """
        self._left -= size
        if size > 0 > self._left:
            raise ONNXError(f"{self.name}: {why} that it would take too much memory")

    def _check_version(self, model: "ModelProto") -> None:
        if not model.HasField("graph"):
            raise ONNXError(f"{self.name}: is not an ONNX model: it has no graph")
        versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
        if not versions or min(versions) < OLDEST:
            found = f"version {min(versions)}" if versions else "none"
            raise ONNXError(
                f"{self.name}: expected ONNX's operators of version {OLDEST} or later; got {found}"
            )

    def _check_graph(self) -> None:
        made: set[str] = set()
        for tensor in self.graph.initializer:
            self._make(tensor.name, made)
            self._constants[tensor.name] = tensor
        for given in self.graph.input:  # older files list the initialisers as inputs too
            if given.name not in self._constants:
                self._make(given.name, made)
        made |= {sparse.values.name for sparse in self.graph.sparse_initializer}
        for node in self.nodes:
            if not all(isinstance(text, str) for text in (node.op_type, node.name, node.domain)):
                raise ONNXError(f"{self.name}: a node's name or operator is not text: {node.op_type!r}")
            where = f"{self.name}: node {node.name or node.op_type!r}"
            for name in node.input:
                if name and name not in made:
                    raise ONNXError(
                        f"{where} reads {name!r}, which nothing before it makes: it is missing, or part of a cycle"
                    )
            for name in node.output:
                if name:
                    self._make(name, made)
            self._note(node)

    def _make(self, name: str, made: set[str]) -> None:
        if not isinstance(name, str):  # protobuf gives bytes for what is not UTF-8
            raise ONNXError(f"{self.name}: the name {name!r} is not text")
        if name in made:
            raise ONNXError(f"{self.name}: {name!r} is made twice")
        made.add(name)

    def _note(self, node: "NodeProto") -> None:
        """Remember what a node makes of constants alone."""
        self._folding.note(node)
        if node.op_type == "Constant" and len(node.output) == 1:
            for attribute in node.attribute:
                if attribute.name == "value" and attribute.HasField("t"):
                    self._constants[node.output[0]] = attribute.t
                elif attribute.name in LISTS:
                    self._constants[node.output[0]] = attribute
        elif node.op_type == "Identity" and len(node.input) == len(node.output) == 1:
            self._same[node.output[0]] = self._same.get(node.input[0], node.input[0])


def _parse(path: Path) -> tuple[Any, dict[bytes, memoryview]]:
    """A model from a file, and the bytes of its large tensors, which it does not hold."""
    try:
        if path.exists() and not path.is_file():
            raise ONNXError(f"{path}: is not a file")  # reading a pipe would wait for ever
        size = path.stat().st_size
        if size > LARGEST:
            raise ONNXError(f"{path}: {size:,} bytes are more than an ONNX file may have, {LARGEST:,}")
        data = path.read_bytes()
    except OSError as error:
        raise ONNXError(f"{path}: cannot be read: {error.strerror or error}") from error
    proto = onnx_package().ModelProto
    try:
        raw = check_wire(data, proto.DESCRIPTOR)
        light, outside = without(data, raw, proto.DESCRIPTOR) if raw else (data, {})
        return proto.FromString(light), outside
    except Exception as error:  # ONNXError, or DecodeError, of a module of protobuf's that moves
        raise ONNXError(f"{path}: is not an ONNX file, or damaged: {error}") from error
