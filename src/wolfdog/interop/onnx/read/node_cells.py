"""Cells of ONNX's recurrent nodes, with their weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .... import cells
from ....cells import Cell
from ...arrays import Numbers
from ...general_cells import GeneralElman, GeneralGRU, GeneralLSTM
from .node import GATES, Node

Make = Callable[..., Cell]
"""Constructor of a cell; it takes the sizes, `bias` and `dtype`."""

_GATES: dict[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Indices in ONNX's order of wolfdog's gates: i, f, g, o in i, o, f, c; r, z, n in z, r, h."""

_COUPLED = (0, 3, 1)
"""Same for a coupled LSTM, which has no f: i, g, o."""

_PEEPHOLES = (0, 2, 1)
"""Indices in ONNX's order i, o, f of the peepholes i, f, o."""


def cell_of(node: Node, way: int) -> Cell:
    """Cell of one direction: a cell of wolfdog.cells if the node is one, else a general one."""
    tensors = node.tensors
    dtype = torch.float64 if tensors["R"].dtype == np.float64 else torch.float32
    sizes = (tensors["W"].shape[-1], node.hidden_size)
    make = _KNOWN[node.op](node, way) or _general(node, way)
    with torch.device("meta"):  # the weights of the file replace these
        cell = make(*sizes, bias="B" in tensors, dtype=dtype)
    order = _COUPLED if isinstance(cell, cells.CoupledLSTMCell) else _GATES[node.op]
    gates = GATES[node.op]
    weights = {
        "weight_ih": _reordered(tensors["W"][way], gates, order),
        "weight_hh": _reordered(tensors["R"][way], gates, order),
    }
    if "B" in tensors:
        halves = np.split(tensors["B"][way], 2)
        weights |= {
            name: _reordered(half, gates, order)
            for name, half in zip(("bias_ih", "bias_hh"), halves, strict=True)
        }
    if "P" in tensors:
        weights["weight_ch"] = _reordered(tensors["P"][way], 3, _PEEPHOLES)
    cell.load_state_dict(weights, assign=True)
    return cell


def _reordered(packed: Numbers, count: int, order: tuple[int, ...]) -> Tensor:
    """Copy of a packed array with its `count` blocks in another order; half precision becomes float32."""
    blocks = np.split(packed, count)
    kind = np.promote_types(packed.dtype, np.float32)
    return torch.from_numpy(np.concatenate([blocks[pick] for pick in order], dtype=kind))


def _lstm(node: Node, way: int) -> Make | None:
    if not node.has_default_activations(way):
        return None
    if "P" in node.tensors:
        return None if node.coupled or node.clip else cells.PeepholeLSTMCell
    make = cells.CoupledLSTMCell if node.coupled else cells.LSTMCell
    return partial(make, clip_gates=node.clip)


def _gru(node: Node, way: int) -> Make | None:
    if node.clip or not node.has_default_activations(way):
        return None
    return partial(cells.GRUCell, reset_after=node.reset_after)


def _elman(node: Node, way: int) -> Make | None:
    [activation] = node.activations[way]
    if node.clip or activation.name not in ("Tanh", "Relu"):
        return None
    return partial(cells.ElmanCell, nonlinearity="tanh" if activation.name == "Tanh" else "relu")


_KNOWN: dict[str, Callable[[Node, int], Make | None]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _elman}
"""Constructor of a node's cell in `wolfdog.cells`, by operator; it gives None if the cell is not among them."""


def _general(node: Node, way: int) -> Make:
    options: dict[str, Any] = {"activations": node.activations[way], "clip": node.clip}
    if node.op == "LSTM":
        return partial(GeneralLSTM, coupled=node.coupled, peepholes="P" in node.tensors, **options)
    if node.op == "GRU":
        return partial(GeneralGRU, reset_after=node.reset_after, **options)
    return partial(GeneralElman, **options)
