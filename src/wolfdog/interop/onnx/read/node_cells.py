"""The units that recurrent nodes of ONNX are, with their weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .... import cells
from ....cells import Cell
from ...arrays import Numbers
from ...general_cells import GeneralElman, GeneralGRU, GeneralLSTM
from .node import GATES, Node

Sizes = tuple[int, int, bool]

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
    sizes = (tensors["W"].shape[-1], node.hidden_size, "B" in tensors)
    with torch.device("meta"):  # the file's weights take the place of these
        cell = _OWN[node.op](node, way, sizes, dtype)
        if cell is None:
            cell = _general(node, way, sizes, dtype)
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


def _lstm(node: Node, way: int, sizes: Sizes, dtype: torch.dtype) -> Cell | None:
    if not node.usual(way):
        return None
    if "P" in node.tensors:
        return None if node.coupled or node.clip else cells.PeepholeLSTMCell(*sizes, dtype=dtype)
    make = cells.CoupledLSTMCell if node.coupled else cells.LSTMCell
    return make(*sizes, clip_gates=node.clip, dtype=dtype)


def _gru(node: Node, way: int, sizes: Sizes, dtype: torch.dtype) -> Cell | None:
    if node.clip or not node.usual(way):
        return None
    return cells.GRUCell(*sizes, reset_after=node.reset_after, dtype=dtype)


def _elman(node: Node, way: int, sizes: Sizes, dtype: torch.dtype) -> Cell | None:
    [activation] = node.activations[way]
    if node.clip or activation.name not in ("Tanh", "Relu"):
        return None
    return cells.ElmanCell(*sizes, nonlinearity="tanh" if activation.name == "Tanh" else "relu", dtype=dtype)


_OWN: dict[str, Callable[[Node, int, Sizes, torch.dtype], Cell | None]] = {
    "LSTM": _lstm,
    "GRU": _gru,
    "RNN": _elman,
}
"""The unit of our own that a node is; None where it is none of them."""


def _general(node: Node, way: int, sizes: Sizes, dtype: torch.dtype) -> Cell:
    options: dict[str, Any] = {"activations": node.activations[way], "clip": node.clip, "dtype": dtype}
    if node.op == "LSTM":
        return GeneralLSTM(*sizes, coupled=node.coupled, peepholes="P" in node.tensors, **options)
    if node.op == "GRU":
        return GeneralGRU(*sizes, reset_after=node.reset_after, **options)
    return GeneralElman(*sizes, **options)
