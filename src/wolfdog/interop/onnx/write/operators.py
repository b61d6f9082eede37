"""ONNX's recurrent operators: cells that they implement, and the layout of their weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .... import cells
from ....layers.cell.int8_weight import without_int8
from ...activations import ACTIVATIONS, DEFAULT_ACTIVATIONS, Activation
from ...arrays import Numbers
from ...general_cells import GeneralElman, GeneralGRU, GeneralLSTM

ORDERS: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Indices in wolfdog's order of ONNX's gates: LSTM i, o, f, c in i, f, g, o; GRU z, r, h in r, z, n."""

_COUPLED = (0, 2, 2, 1)
"""Same for a coupled LSTM with gates i, g, o: ONNX's i, o, f, c, where f is not read."""

PEEPHOLES = (0, 2, 1)
"""Indices in wolfdog's order i, f, o of ONNX's peepholes i, o, f."""


@dataclass(frozen=True)
class Operator:
    """Recurrent operator with its weights for one direction.

    Attributes:
        op: "LSTM", "GRU" or "RNN".
        hidden_size: H.
        weights: W [1, gates * H, I], R [1, gates * H, H] and, if present, B [1, 2 gates * H], P [1, 3 H].
        activations: Activation functions of the operator.
        attributes: Further attributes of the node.
    """

    op: str
    hidden_size: int
    weights: dict[str, Numbers]
    activations: tuple[Activation, ...]
    attributes: dict[str, Any]

    @property
    def memories(self) -> int:
        """Number of states."""
        return 2 if self.op == "LSTM" else 1

    def beside(self, other: "Operator") -> bool:
        """Whether this and another operator can be the two directions of one node."""
        return (self.op, self.hidden_size, self.attributes, self.weights.keys()) == (
            other.op, other.hidden_size, other.attributes, other.weights.keys()
        )  # fmt: skip


def activation_attributes(operators: Sequence[Operator]) -> dict[str, list[Any]]:
    """Attributes of a node for the activations of its directions; none for the defaults."""
    if all(operator.activations == DEFAULT_ACTIVATIONS[operator.op] for operator in operators):
        return {}
    chosen = [activation for operator in operators for activation in operator.activations]
    attributes: dict[str, list[Any]] = {"activations": [activation.name for activation in chosen]}
    for which in ("alpha", "beta"):  # for the functions that have the constant
        values = [getattr(a, which) for a in chosen if getattr(ACTIVATIONS[a.name], which) is not None]
        if values:
            attributes[f"activation_{which}"] = values
    return attributes


def _packed(
    op: str,
    cell: Any,
    order: tuple[int, ...] = (),
    activations: tuple[Activation, ...] = (),
    **attributes: Any,
) -> Operator:
    order = order or ORDERS[op]
    weights = {"W": _blocks(cell.weight_ih, order), "R": _blocks(cell.weight_hh, order)}
    if cell.bias_ih is not None:
        weights["B"] = np.concatenate([_blocks(cell.bias_ih, order), _blocks(cell.bias_hh, order)], 1)
    if getattr(cell, "weight_ch", None) is not None:
        weights["P"] = _blocks(cell.weight_ch, PEEPHOLES)
    return Operator(op, cell.hidden_size, weights, activations or DEFAULT_ACTIVATIONS[op], attributes)


def _blocks(parameter: Tensor, order: tuple[int, ...]) -> Numbers:
    """Packed parameter with reordered gates and ONNX's leading axis of directions."""
    gates = parameter.detach().chunk(1 + max(order))
    return torch.cat([gates[k] for k in order]).unsqueeze(0).numpy()


def _lstm(cell: Any) -> Operator | None:
    if cell.clip_ltm is not None:  # ONNX clips the arguments of gates only
        return None
    return _packed("LSTM", cell, ORDERS["LSTM"], **_clip(cell))


def _coupled(cell: Any) -> Operator | None:
    if cell.clip_ltm is not None:
        return None
    made = _packed("LSTM", cell, _COUPLED, input_forget=1, **_clip(cell))
    for (
        name,
        weights,
    ) in made.weights.items():  # ONNX does not read f: zeros in the place of the repeated block
        for blocks in np.split(weights, 2 if name == "B" else 1, axis=1):
            np.split(blocks, 4, axis=1)[2][:] = 0
    return made


def _clip(cell: Any) -> dict[str, Any]:
    return {} if cell.clip_gates is None else {"clip": cell.clip_gates}


def _peephole(cell: Any) -> Operator | None:
    return _packed("LSTM", cell) if cell.peephole == "diagonal" else None


def _gru(cell: Any) -> Operator:
    return _packed("GRU", cell, linear_before_reset=int(getattr(cell, "reset_after", True)))


def _elman(cell: Any) -> Operator:
    return _packed("RNN", cell, activations=(Activation(cell.nonlinearity.capitalize()),))


def _general(op: str, **flags: str) -> Callable[[Any], Operator]:
    """Converter for a general cell; `flags` maps attributes of the operator to those of the cell."""

    def make(cell: Any) -> Operator:
        attributes: dict[str, Any] = {name: int(getattr(cell, own)) for name, own in flags.items()}
        if cell.clip is not None:
            attributes["clip"] = cell.clip
        return _packed(op, cell, activations=cell.activations, **attributes)

    return make


_OPERATORS: dict[type[nn.Module], Callable[[Any], Operator | None]] = {
    cells.LSTMCell: _lstm,
    cells.CoupledLSTMCell: _coupled,
    cells.PeepholeLSTMCell: _peephole,
    cells.GRUCell: _gru,
    cells.ElmanCell: _elman,
    nn.LSTMCell: lambda cell: _packed("LSTM", cell),
    nn.GRUCell: _gru,
    nn.RNNCell: _elman,
    GeneralLSTM: _general("LSTM", input_forget="coupled"),
    GeneralGRU: _general("GRU", linear_before_reset="reset_after"),
    GeneralElman: _general("RNN"),
}


def operator_of(cell: nn.Module) -> Operator | None:
    """Operator that implements a cell; None if ONNX has none.

    Examples:
        >>> operator_of(cells.GRUCell(3, 5)).op, operator_of(cells.FourGateLSTMCell(3, 5))
        ('GRU', None)
    """
    kind = without_int8(type(cell))
    make = _OPERATORS.get(kind)  # an exact type, since a subclass may have other equations
    return None if make is None else make(cell)
