"""ONNX graphs, built node by node."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import Numbers
from ..package import onnx_package
from .int8_parts import int8_parts

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto

Dim = int | str
"""Size, or the name of a dynamic one."""

SHARED = 64
"""Maximum number of elements of constants that are shared between uses."""


class Graph:
    """Graph under construction; values are represented by their names in ONNX.

    `graph("Add", a, b)` adds a node and returns the name of its result. A graph made by `body()` is the body of a Scan:
    it has its own inputs, nodes and outputs, and shares the names and constants of the outer graph.

    Args:
        dtype: Default type of numbers, float32 or float64.
        around: The outer graph; None for a main graph.
        int8: Whether constants that are whole numbers of int8 times scales are stored as these.
    """

    def __init__(self, dtype: np.dtype[Any], around: "Graph | None" = None, *, int8: bool = False) -> None:
        self.dtype, self.int8 = dtype, int8
        self.nodes: list[NodeProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self._root: Graph = self if around is None else around._root
        if around is None:
            self.constants: list[TensorProto] = []
            self._names: dict[str, int] = {}
            self._known: dict[tuple[Any, ...], str] = {}

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one result and return its name. An empty name omits an optional input."""
        [result] = self.node(op, inputs, 1, **attributes)
        return result

    def node(self, op: str, inputs: Sequence[str], results: int, **attributes: Any) -> list[str]:
        """Add a node with several results and return their names."""
        names = [self.name(op.lower()) for _ in range(results)]
        helper = onnx_package("onnx.helper")
        self.nodes.append(
            helper.make_node(op, list(inputs), names, name=self.name(f"{op.lower()}_node"), **attributes)
        )
        return names

    def name(self, hint: str) -> str:
        """New name: the hint itself, or the hint and a number."""
        taken = self._root._names
        taken[hint] = taken.get(hint, -1) + 1
        return hint if taken[hint] == 0 else self.name(f"{hint}_{taken[hint]}")

    def constant(self, array: Any, hint: str = "constant") -> str:
        """Initialiser with the numbers and the type of an array."""
        array = np.asarray(array, order="C")
        root = self._root
        if root.int8 and array.ndim > 1 and array.dtype == np.float32 and array.size > SHARED:
            found = int8_parts(array)
            if found is not None:
                return root._dequantized(*found, array.shape, hint)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= SHARED else None
        if key in root._known:
            return root._known[key]
        name = self.name(hint)
        root.constants.append(onnx_package("onnx.numpy_helper").from_array(array, name))
        if key is not None:
            root._known[key] = name
        return name

    def _dequantized(
        self, numbers: Numbers, scales: Numbers, axis: int, shape: Sequence[int], hint: str
    ) -> str:
        """Result of DequantizeLinear over a matrix of int8, in a shape."""
        stored = self.constant(numbers, f"{hint}_int8"), self.constant(scales, f"{hint}_scales")
        found = self("DequantizeLinear", *stored, axis=axis)
        return found if len(shape) == 2 else self("Reshape", found, self.integers(*shape))

    def number(self, value: float) -> str:
        """Scalar constant of the graph's type."""
        return self.constant(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> str:
        """Constant of integers, [n]."""
        return self.constant(np.asarray(values, np.int64), "shape")

    def input(self, name: str, shape: Sequence[Dim], *, dtype: Any = None) -> str:
        """Add an input of the graph and return its name, a new one if the requested one is taken."""
        name = self.name(name)
        self.inputs.append(self._info(name, shape, dtype))
        return name

    def output(self, value: str, name: str, shape: Sequence[Dim], *, dtype: Any = None) -> str:
        """Make a value an output of the graph and return its name, a new one if the requested one is taken."""
        name = self.name(name)
        helper = onnx_package("onnx.helper")
        # A copy, because an output may also be an input or another output, and needs its own name.
        self.nodes.append(helper.make_node("Identity", [value], [name], name=self.name("identity_node")))
        self.outputs.append(self._info(name, shape, dtype))
        return name

    def body(self) -> "Graph":
        """Graph inside this one."""
        return Graph(self.dtype, self)

    def proto(self, name: str, about: str = "") -> "GraphProto":
        """Graph as a protocol buffer."""
        constants = self.constants if self._root is self else []
        made: GraphProto = onnx_package("onnx.helper").make_graph(
            self.nodes, name, self.inputs, self.outputs, constants, doc_string=about
        )
        return made

    def _info(self, name: str, shape: Sequence[Dim], dtype: Any) -> "ValueInfoProto":
        helper = onnx_package("onnx.helper")
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype or self.dtype))
        info: ValueInfoProto = helper.make_tensor_value_info(name, kind, list(shape))
        return info
