"""RNN, LSTM and GRU nodes: attributes and weights, checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ....errors import ONNXError
from ...activations import DEFAULT_ACTIVATIONS, Activation, parse_activations
from ...arrays import Numbers
from ..package import onnx_package
from .source import Source

if TYPE_CHECKING:
    from onnx import NodeProto

Direction = Literal["forward", "reverse", "bidirectional"]
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
_FIELDS = {"INT": "i", "FLOAT": "f", "STRING": "s", "FLOATS": "floats", "STRINGS": "strings"}
_ATTRIBUTES = {
    "hidden_size": "INT", "direction": "STRING", "layout": "INT", "clip": "FLOAT", "activations": "STRINGS",
    "activation_alpha": "FLOATS", "activation_beta": "FLOATS",
}  # fmt: skip
_KNOWN = {"LSTM": {"input_forget": "INT"}, "GRU": {"linear_before_reset": "INT"}, "RNN": {}}


MAX_ACTIVATIONS = 6
"""Maximum number of activations of a node: three for each direction."""


@dataclass(frozen=True)
class Node:
    """Recurrent node: its attributes, and the tensors that the file holds for it.

    Attributes:
        tensors: By ONNX's names: "W", "R" and, if present, "B", "P", "sequence_lens", "initial_h", "initial_c".
        activations: The operator's activations for each direction.
    """

    name: str
    op: str
    direction: Direction
    hidden_size: int
    layout: int
    clip: float | None
    activations: tuple[tuple[Activation, ...], ...]
    coupled: bool
    reset_after: bool
    tensors: dict[str, Numbers]

    def has_default_activations(self, way: int) -> bool:
        """Whether the activations of a direction are the operator's defaults."""
        return self.activations[way] == DEFAULT_ACTIVATIONS[self.op]


def read_node(source: Source, node: "NodeProto") -> Node:
    """Read and check a node.

    Raises:
        ONNXError: Attributes or shapes contradict each other or ONNX, or the file does not hold the weights.
    """
    op = node.op_type
    name = node.name or next((output for output in node.output if output), op)
    where = f"{source.name}: {op} {name!r}"
    attributes = _attributes(node, where)
    direction = attributes.get("direction", "forward")
    if direction not in get_args(Direction):
        raise ONNXError(f"{where}: direction must be forward, reverse or bidirectional; got {direction!r}")
    ways = 2 if direction == "bidirectional" else 1
    for flag in ("layout", "input_forget", "linear_before_reset"):
        if attributes.get(flag, 0) not in (0, 1):
            raise ONNXError(f"{where}: {flag} must be 0 or 1; got {attributes[flag]}")
    clip = attributes.get("clip")
    if clip is not None and not 0 < clip < float("inf"):
        raise ONNXError(f"{where}: clip must be a positive number; got {clip}")
    each = len(DEFAULT_ACTIVATIONS[op])
    names = attributes.get("activations", [usual.name for usual in DEFAULT_ACTIVATIONS[op]] * ways)
    if len(names) != ways * each:
        raise ONNXError(f"{where}: expected {ways * each} activations; got {len(names)}")
    alphas, betas = attributes.get("activation_alpha", []), attributes.get("activation_beta", [])
    activations = parse_activations(names, alphas, betas, where)
    tensors = _tensors(source, node, where)
    _check_shapes(op, tensors, ways, attributes, where)
    return Node(
        name,
        op,
        direction,
        tensors["R"].shape[-1],
        attributes.get("layout", 0),
        clip,
        tuple(activations[each * way : each * (way + 1)] for way in range(ways)),
        bool(attributes.get("input_forget", 0)),
        bool(attributes.get("linear_before_reset", 0)),
        tensors,
    )


def _attributes(node: "NodeProto", where: str) -> dict[str, Any]:
    """Attributes by name, with their types checked."""
    known = {**_ATTRIBUTES, **_KNOWN[node.op_type]}
    types = onnx_package("onnx").AttributeProto.AttributeType
    attributes: dict[str, Any] = {}
    for attribute in node.attribute:
        kind = known.get(attribute.name)
        if kind is None:
            raise ONNXError(
                f"{where}: unknown attribute {attribute.name!r}; expected one of {', '.join(known)}"
            )
        if attribute.name in attributes:
            raise ONNXError(f"{where}: attribute {attribute.name} occurs twice")
        if attribute.type != types.Value(kind):
            raise ONNXError(f"{where}: {attribute.name} must be of type {kind}")
        value = getattr(attribute, _FIELDS[kind])
        if kind in ("FLOATS", "STRINGS") and len(value) > MAX_ACTIVATIONS:
            raise ONNXError(
                f"{where}: {attribute.name} has {len(value):,} entries; expected at most {MAX_ACTIVATIONS}"
            )
        try:
            attributes[attribute.name] = (
                value.decode() if kind == "STRING"
                else [text.decode() for text in value] if kind == "STRINGS"
                else list(value) if kind == "FLOATS"
                else value
            )  # fmt: skip
        except UnicodeDecodeError as error:
            raise ONNXError(f"{where}: {attribute.name} is not text: {error}") from error
    return attributes


def _tensors(source: Source, node: "NodeProto", where: str) -> dict[str, Numbers]:
    """Inputs whose values the file holds, by ONNX's names."""
    count = {"RNN": 6, "GRU": 6, "LSTM": 8}[node.op_type]
    if len(node.input) > count:
        raise ONNXError(f"{where}: has {len(node.input)} inputs; expected at most {count}")
    given = dict(zip(_INPUTS, node.input, strict=False))
    tensors = {}
    for name, value in given.items():
        if name == "X" or not value:
            continue
        tensor = source.constant(value)
        if tensor is not None:
            tensors[name] = tensor
        elif name in ("W", "R", "B", "P"):
            raise ONNXError(
                f"{where}: its weights {name} ({value!r}) are not stored in the file, but are inputs or computed by "
                "other nodes: store them as initialisers, for example by folding constants when exporting"
            )
    missing = [name for name in ("X", "W", "R") if not given.get(name)]
    if missing:
        raise ONNXError(f"{where}: its input {missing[0]} is missing")
    return tensors


def _check_shapes(
    op: str, tensors: dict[str, Numbers], ways: int, attributes: dict[str, Any], where: str
) -> None:
    gates, R = GATES[op], tensors["R"]
    if R.ndim != 3 or R.shape[-1] < 1:
        raise ONNXError(
            f"{where}: R must be [directions, {gates} * hidden_size, hidden_size]; got {list(R.shape)}"
        )
    hidden = R.shape[-1]
    if attributes.get("hidden_size", hidden) != hidden:
        raise ONNXError(
            f"{where}: hidden_size is {attributes['hidden_size']}, but R {list(R.shape)} is for {hidden}"
        )
    inputs = tensors["W"].shape[-1] if tensors["W"].ndim == 3 else 0
    if inputs < 1:
        raise ONNXError(
            f"{where}: W must be [directions, {gates} * hidden_size, input_size]; got {list(tensors['W'].shape)}"
        )
    expected: dict[str, list[int]] = {
        "W": [ways, gates * hidden, inputs],
        "R": [ways, gates * hidden, hidden],
        "B": [ways, 2 * gates * hidden],
        "P": [ways, 3 * hidden],
    }
    for name, shape in expected.items():
        if name in tensors and list(tensors[name].shape) != shape:
            raise ONNXError(f"{where}: {name} must be {shape}; got {list(tensors[name].shape)}")
    formats = {tensor.dtype.name for name, tensor in tensors.items() if name != "sequence_lens"}
    if len(formats) != 1 or R.dtype.kind != "f":
        found = ", ".join(sorted(formats))
        raise ONNXError(f"{where}: all weights must have one floating point format; got {found}")
    _check_batches(tensors, ways, hidden, attributes.get("layout", 0), where)


def _check_batches(tensors: dict[str, Numbers], ways: int, hidden: int, layout: int, where: str) -> None:
    """Check of the lengths and initial states stored for a batch."""
    lengths = tensors.get("sequence_lens")
    if lengths is not None:
        if lengths.ndim != 1 or lengths.dtype.kind != "i":
            raise ONNXError(
                f"{where}: sequence_lens must be [batch] of whole numbers; got {list(lengths.shape)}"
            )
        if (lengths < 0).any():
            raise ONNXError(f"{where}: sequence_lens holds negative lengths")
        tensors["sequence_lens"] = lengths.astype(np.int64)
    for name in ("initial_h", "initial_c"):
        start = tensors.get(name)
        if start is None:
            continue
        if layout == 1 and start.ndim == 3:
            start = tensors[name] = start.swapaxes(0, 1)
        if start.ndim != 3 or start.shape[0] != ways or start.shape[2] != hidden or start.shape[1] < 1:
            raise ONNXError(f"{where}: {name} must be [{ways}, batch, {hidden}]; got {list(start.shape)}")
