"""Weights that a file holds in pieces, which nodes cut and join: so exporters leave them that fold no constants."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....errors import ONNXError
from ...arrays import Numbers
from .tensors import MOST_AXES

if TYPE_CHECKING:
    from onnx import NodeProto

DEPTH = 16
"""Nodes one behind the other that are looked through, at the most; exporters leave three or four."""

STEPS = 20_000
"""Nodes that are looked through for one file, at the most: about a hundred for a layer."""

Taker = Callable[[int, str], None]


def _whole(array: Numbers) -> list[int]:
    """Axes and places as a list. Raises ValueError for what is none."""
    if array.dtype.kind != "i" or array.size > MOST_AXES:
        raise ValueError(f"expected at most {MOST_AXES} whole numbers, got {array.dtype} {list(array.shape)}")
    numbers: list[int] = array.reshape(-1).tolist()
    return numbers


def _given(said: dict[str, Any], name: str, operand: Numbers | None) -> list[int] | None:
    """What newer versions of an operator take as an input, and older ones as an attribute."""
    return said.get(name) if operand is None else _whole(operand)


def _concat(said: dict[str, Any], *xs: Numbers) -> Numbers:
    if len({x.dtype for x in xs}) != 1:
        raise ValueError("its inputs are of several formats")
    return np.concatenate(xs, said.get("axis", 0))


def _slice(
    said: dict[str, Any],
    x: Numbers,
    starts: Numbers | None = None,
    ends: Numbers | None = None,
    axes: Numbers | None = None,
    steps: Numbers | None = None,
) -> Numbers:
    first, last = _given(said, "starts", starts), _given(said, "ends", ends)
    if first is None or last is None:
        raise ValueError("it says no starts or no ends")
    along = _given(said, "axes", axes) or list(range(len(first)))
    by = [1] * len(first) if steps is None else _whole(steps)
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(along, first, last, by, strict=True):
        cut[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(cut)]


def _reshape(said: dict[str, Any], x: Numbers, shape: Numbers | None = None) -> Numbers:
    sizes = _given(said, "shape", shape) or []
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)])


def _squeeze(said: dict[str, Any], x: Numbers, axes: Numbers | None = None) -> Numbers:
    along = _given(said, "axes", axes)
    return x.squeeze() if along is None else x.squeeze(tuple(along))


def _unsqueeze(said: dict[str, Any], x: Numbers, axes: Numbers | None = None) -> Numbers:
    return np.expand_dims(x, tuple(_given(said, "axes", axes) or ()))


FOLDS: dict[str, Callable[..., Numbers]] = {
    "Concat": _concat,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": lambda said, x: x.transpose(said.get("perm")),
    "Unsqueeze": _unsqueeze,
}
"""The operators that are looked through: attributes and operands, None for one that is left out, to the result."""

_COPIES = ("Concat", "Reshape")


class Folding:
    """What nodes make of constants by cutting and joining alone.

    Args:
        stored: the numbers of a value that the file holds as it is; None for another.
        take: counts memory as taken, and gives some back where the number is negative.
    """

    def __init__(self, stored: Callable[[str], Numbers | None], take: Taker) -> None:
        self._stored, self._take = stored, take
        self._nodes: dict[str, NodeProto] = {}
        self._left = STEPS

    def note(self, node: "NodeProto") -> None:
        """Remember a node, if it is one that is looked through."""
        if node.op_type in FOLDS and len(node.output) == 1 and node.domain in ("", "ai.onnx"):
            self._nodes[node.output[0]] = node

    def value(self, name: str) -> Numbers | None:
        """A value, from what the file holds; None where it depends on anything else.

        Raises ONNXError for nodes that contradict what they are given.
        """
        made: dict[str, Numbers] = {}
        taken = [0]
        found = self._value(name, 0, made, taken)
        self._take(-taken[0], "")
        return found

    def _value(self, name: str, depth: int, made: dict[str, Numbers], taken: list[int]) -> Numbers | None:
        if name in made:
            return made[name]
        self._left -= 1
        node = self._nodes.get(name)
        if depth > DEPTH or self._left < 0:
            return None
        if node is None:
            found = self._stored(name)
        else:
            operands = [self._value(one, depth + 1, made, taken) if one else None for one in node.input]
            if any(one and operand is None for one, operand in zip(node.input, operands, strict=True)):
                return None
            found = self._computed(node, operands, taken)
        if found is not None:
            made[name] = found
        return found

    def _computed(self, node: "NodeProto", operands: list[Numbers | None], taken: list[int]) -> Numbers:
        if node.op_type in _COPIES:
            size = sum(operand.nbytes for operand in operands if operand is not None)
            self._take(size, f"nodes such as {node.name or node.op_type!r} copy so much")
            taken[0] += size
        said = {one.name: list(one.ints) if one.ints else one.i for one in node.attribute}
        try:
            return FOLDS[node.op_type](said, *operands)
        except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
            raise ONNXError(f"node {node.name or node.op_type!r} cannot be computed: {error}") from error
