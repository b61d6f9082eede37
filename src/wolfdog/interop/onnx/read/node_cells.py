"""The units that recurrent nodes of ONNX are, with their weights."""

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
"""The constructor of a cell; it takes the sizes, `bias` and `dtype`."""

_GATES: dict[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where our gates lie among ONNX's: i, f, g, o of i, o, f, c; r, z, n of z, r, h."""

_COUPLED = (0, 3, 1)
"""The same of a coupled LSTM, which has no f: i, g, o."""

_PEEPHOLES = (0, 2, 1)
"""Where our peepholes i, f, o lie among ONNX's i, o, f."""


def cell_of(node: Node, way: int) -> Cell:
    """The unit of one direction: one of wolfdog.cells where the node is that, else a general one."""
    tensors = node.tensors
    dtype = torch.float64 if tensors["R"].dtype == np.float64 else torch.float32
    sizes = (tensors["W"].shape[-1], node.hidden_size)
    make = _OWN[node.op](node, way) or _general(node, way)
    with torch.device("meta"):  # the weights of the file replace these
        cell = make(*sizes, bias="B" in tensors, dtype=dtype)
    picks = _COUPLED if isinstance(cell, cells.CoupledLSTMCell) else _GATES[node.op]
    gates = GATES[node.op]
    weights = {
        "weight_ih": _picked(tensors["W"][way], gates, picks),
        "weight_hh": _picked(tensors["R"][way], gates, picks),
    }
    if "B" in tensors:
        halves = np.split(tensors["B"][way], 2)
        weights |= {
            name: _picked(half, gates, picks)
            for name, half in zip(("bias_ih", "bias_hh"), halves, strict=True)
        }
    if "P" in tensors:
        weights["weight_ch"] = _picked(tensors["P"][way], 3, _PEEPHOLES)
    cell.load_state_dict(weights, assign=True)
    return cell


def _picked(packed: Numbers, count: int, picks: tuple[int, ...]) -> Tensor:
    """Of `count` blocks, those picked, in that order, copied; half precision becomes float32."""
    blocks = np.split(packed, count)
    kind = np.promote_types(packed.dtype, np.float32)
    return torch.from_numpy(np.concatenate([blocks[pick] for pick in picks], dtype=kind))


def _lstm(node: Node, way: int) -> Make | None:
    if not node.usual(way):
        return None
    if "P" in node.tensors:
        return None if node.coupled or node.clip else cells.PeepholeLSTMCell
    make = cells.CoupledLSTMCell if node.coupled else cells.LSTMCell
    return partial(make, clip_gates=node.clip)


def _gru(node: Node, way: int) -> Make | None:
    if node.clip or not node.usual(way):
        return None
    return partial(cells.GRUCell, reset_after=node.reset_after)


def _elman(node: Node, way: int) -> Make | None:
    [activation] = node.activations[way]
    if node.clip or activation.name not in ("Tanh", "Relu"):
        return None
    return partial(cells.ElmanCell, nonlinearity="tanh" if activation.name == "Tanh" else "relu")


_OWN: dict[str, Callable[[Node, int], Make | None]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _elman}
"""The constructor of a node's cell in `wolfdog.cells`, by operator; it gives None if the cell is not among them."""


def _general(node: Node, way: int) -> Make:
    options: dict[str, Any] = {"activations": node.activations[way], "clip": node.clip}
    if node.op == "LSTM":
        return partial(GeneralLSTM, coupled=node.coupled, peepholes="P" in node.tensors, **options)
    if node.op == "GRU":
        return partial(GeneralGRU, reset_after=node.reset_after, **options)
    return partial(GeneralElman, **options)
