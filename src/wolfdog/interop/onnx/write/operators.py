"""The units that ONNX has operators for, and how their weights lie there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .... import cells
from ...activations import KINDS, USUAL, Activation
from ...arrays import Numbers
from ...general_cells import GeneralElman, GeneralGRU, GeneralLSTM

ORDERS: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX's gates lie among ours: LSTM i, o, f, c of i, f, g, o; GRU z, r, h of r, z, n."""

_COUPLED = (0, 2, 2, 1)
"""The same of a coupled LSTM, whose gates lie i, g, o: ONNX's i, o, f, c, of which f is not read."""

PEEPHOLES = (0, 2, 1)
"""Where ONNX's peepholes i, o, f lie among ours, i, f, o."""


@dataclass(frozen=True)
class Operator:
    """An operator with its weights, for one direction.

    op           "LSTM", "GRU" or "RNN"
    weights      W [1, gates * H, I], R [1, gates * H, H], and where there are any B [1, 2 gates * H], P [1, 3 H]
    activations  the functions, as many as the operator has
    attributes   what the operator is told besides
    """

    op: str
    hidden_size: int
    weights: dict[str, Numbers]
    activations: tuple[Activation, ...]
    attributes: dict[str, Any]

    @property
    def memories(self) -> int:
        """How many memories it keeps."""
        return 2 if self.op == "LSTM" else 1

    def beside(self, other: "Operator") -> bool:
        """Whether this and another can be the two directions of one node."""
        return (self.op, self.hidden_size, self.attributes, self.weights.keys()) == (
            other.op, other.hidden_size, other.attributes, other.weights.keys()
        )  # fmt: skip


def activation_attributes(operators: Sequence[Operator]) -> dict[str, list[Any]]:
    """What a node is told of the activations of its directions: nothing where they are the usual ones."""
    if all(operator.activations == USUAL[operator.op] for operator in operators):
        return {}
    chosen = [activation for operator in operators for activation in operator.activations]
    said: dict[str, list[Any]] = {"activations": [activation.name for activation in chosen]}
    for which in ("alpha", "beta"):  # a list of the constants of those that have one
        values = [getattr(a, which) for a in chosen if getattr(KINDS[a.name], which) is not None]
        if values:
            said[f"activation_{which}"] = values
    return said


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
    return Operator(op, cell.hidden_size, weights, activations or USUAL[op], attributes)


def _blocks(parameter: Tensor, order: tuple[int, ...]) -> Numbers:
    """A packed parameter with its gates in another order, and ONNX's axis of directions before it."""
    gates = parameter.detach().chunk(1 + max(order))
    return torch.cat([gates[k] for k in order]).unsqueeze(0).numpy()


def _lstm(cell: Any) -> Operator | None:
    if cell.clip_ltm is not None:  # ONNX clips what gates read, and not what is remembered
        return None
    return _packed("LSTM", cell, ORDERS["LSTM"], **_clip(cell))


def _coupled(cell: Any) -> Operator | None:
    if cell.clip_ltm is not None:
        return None
    made = _packed("LSTM", cell, _COUPLED, input_forget=1, **_clip(cell))
    for name, weights in made.weights.items():  # ONNX's f is not read: zeros, where _COUPLED repeats another
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
    """The maker for a general unit: `flags` are its own names for what the operator is told."""

    def make(cell: Any) -> Operator:
        said: dict[str, Any] = {name: int(getattr(cell, own)) for name, own in flags.items()}
        if cell.clip is not None:
            said["clip"] = cell.clip
        return _packed(op, cell, activations=cell.activations, **said)

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
    """The operator that is this cell; None where ONNX has none.

    >>> operator_of(cells.GRUCell(3, 5)).op, operator_of(cells.FourGateLSTMCell(3, 5))
    ('GRU', None)
    """
    make = _OPERATORS.get(type(cell))  # a subclass may have equations of its own
    return None if make is None else make(cell)
