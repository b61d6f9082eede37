"""Constant folding of weights that exporters leave as slices, concatenations and whole numbers with scales."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....errors import ONNXError
from ...arrays import Numbers
from .tensors import MAX_AXES

if TYPE_CHECKING:
    from onnx import NodeProto

MAX_DEPTH = 16
"""Maximum depth of folded nodes; exporters leave three or four."""

MAX_NODES = 20_000
"""Maximum number of node visits for one file; a layer takes about a hundred."""

Reserve = Callable[[int, str], None]


def _integers(array: Numbers) -> list[int]:
    """Axes or indices as a list.

    Raises:
        ValueError: The array does not hold integers, or too many.
    """
    if array.dtype.kind != "i" or array.size > MAX_AXES:
        raise ValueError(f"expected at most {MAX_AXES} whole numbers, got {array.dtype} {list(array.shape)}")
    numbers: list[int] = array.reshape(-1).tolist()
    return numbers


def _input_or_attribute(attributes: dict[str, Any], name: str, operand: Numbers | None) -> list[int] | None:
    """Value that newer versions of an operator take as an input and older ones as an attribute."""
    return attributes.get(name) if operand is None else _integers(operand)


def _concat(attributes: dict[str, Any], *xs: Numbers) -> Numbers:
    if len({x.dtype for x in xs}) != 1:
        raise ValueError("its inputs have different formats")
    return np.concatenate(xs, attributes.get("axis", 0))


def _slice(
    attributes: dict[str, Any],
    x: Numbers,
    starts: Numbers | None = None,
    ends: Numbers | None = None,
    axes: Numbers | None = None,
    steps: Numbers | None = None,
) -> Numbers:
    first, last = (
        _input_or_attribute(attributes, "starts", starts),
        _input_or_attribute(attributes, "ends", ends),
    )
    if first is None or last is None:
        raise ValueError("starts or ends are missing")
    along = _input_or_attribute(attributes, "axes", axes) or list(range(len(first)))
    by = [1] * len(first) if steps is None else _integers(steps)
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(along, first, last, by, strict=True):
        cut[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(cut)]


def _reshape(attributes: dict[str, Any], x: Numbers, shape: Numbers | None = None) -> Numbers:
    sizes = _input_or_attribute(attributes, "shape", shape) or []
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)])


def _squeeze(attributes: dict[str, Any], x: Numbers, axes: Numbers | None = None) -> Numbers:
    along = _input_or_attribute(attributes, "axes", axes)
    return x.squeeze() if along is None else x.squeeze(tuple(along))


def _unsqueeze(attributes: dict[str, Any], x: Numbers, axes: Numbers | None = None) -> Numbers:
    return np.expand_dims(x, tuple(_input_or_attribute(attributes, "axes", axes) or ()))


def _dequantize(
    attributes: dict[str, Any], x: Numbers, scale: Numbers, zero: Numbers | None = None
) -> Numbers:
    if x.dtype.kind not in "iu" or scale.dtype not in (np.float32, np.float64) or scale.ndim > 1:
        raise ValueError(f"expected whole numbers and a scale for each, got {x.dtype} and {scale.dtype}")
    along = [1] * x.ndim
    if scale.ndim == 1 and scale.size > 1:
        along[attributes.get("axis", 1)] = scale.size
    whole = x.astype(np.int32) if zero is None else x.astype(np.int32) - zero.astype(np.int32).reshape(along)
    found: Numbers = whole.astype(scale.dtype) * scale.reshape(along)
    return found


FOLDS: dict[str, Callable[..., Numbers]] = {
    "Concat": _concat,
    "DequantizeLinear": _dequantize,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": lambda attributes, x: x.transpose(attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
}
"""Foldable operators: functions of attributes and operands (None for an omitted one)."""

_COPIES = ("Concat", "DequantizeLinear", "Reshape")


class Folding:
    """Folding of nodes that slice, join and reshape constants.

    Args:
        stored: Function that returns the array of a value stored in the file, None for any other.
        reserve: Function that reserves memory, or releases it for a negative size.
    """

    def __init__(self, stored: Callable[[str], Numbers | None], reserve: Reserve) -> None:
        self._stored, self._reserve = stored, reserve
        self._nodes: dict[str, NodeProto] = {}
        self._left = MAX_NODES

    def add_node(self, node: "NodeProto") -> None:
        """Register a node if its operator can be folded."""
        if node.op_type in FOLDS and len(node.output) == 1 and node.domain in ("", "ai.onnx"):
            self._nodes[node.output[0]] = node

    def value(self, name: str) -> Numbers | None:
        """Array of a value, computed from the file's constants; None if it depends on anything else.

        Raises:
            ONNXError: A node contradicts its inputs.
        """
        made: dict[str, Numbers] = {}
        reserved = [0]
        found = self._value(name, 0, made, reserved)
        self._reserve(-reserved[0], "")
        return found

    def _value(self, name: str, depth: int, made: dict[str, Numbers], reserved: list[int]) -> Numbers | None:
        if name in made:
            return made[name]
        self._left -= 1
        node = self._nodes.get(name)
        if depth > MAX_DEPTH or self._left < 0:
            return None
        if node is None:
            found = self._stored(name)
        else:
            operands = [self._value(one, depth + 1, made, reserved) if one else None for one in node.input]
            if any(one and operand is None for one, operand in zip(node.input, operands, strict=True)):
                return None
            found = self._computed(node, operands, reserved)
        if found is not None:
            made[name] = found
        return found

    def _computed(self, node: "NodeProto", operands: list[Numbers | None], reserved: list[int]) -> Numbers:
        if node.op_type in _COPIES:
            size = sum(operand.nbytes for operand in operands if operand is not None)
            size *= 8 if node.op_type == "DequantizeLinear" else 1  # int8 becomes int32 and float32
            self._reserve(size, f"nodes such as {node.name or node.op_type!r} copy so much data")
            reserved[0] += size
        attributes = {one.name: list(one.ints) if one.ints else one.i for one in node.attribute}
        try:
            return FOLDS[node.op_type](attributes, *operands)
        except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ONNXError(f"node {node.name or node.op_type!r} cannot be computed: {error}") from error
