"""Weights of Flax cells."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch

from .. import cells
from ..cells import Cell
from ..errors import InputError, ShapeError
from ..layers import Recurrent
from .arrays import checked_array, columns, load_weights
from .graph import Numbers

FlaxCell = Literal["LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"]

_GATES: dict[str, tuple[str, ...]] = {
    "LSTMCell": ("i", "f", "g", "o"),
    "OptimizedLSTMCell": ("i", "f", "g", "o"),
    "GRUCell": ("r", "z", "n"),
    "SimpleCell": ("",),
}


def from_flax(cell: FlaxCell, params: Mapping[str, Mapping[str, Any]]) -> Recurrent:
    """A cell of flax.linen as a layer of ours, from its parameters.

        LSTMCell, OptimizedLSTMCell   ii, if, ig, io: kernel [I, H]             hi, hf, hg, ho: kernel [H, H], bias [H]
        GRUCell                       ir, iz, in: kernel [I, H], bias [H]       hr, hz: kernel [H, H]
                                                                                hn: kernel [H, H], bias [H]
        SimpleCell                    i: kernel [I, H], bias [H]                h: kernel [H, H]

    Args:
        cell: which cell of flax.linen it was, with Flax's own activations; a SimpleCell without `residual`.
        params: its parameters by these names, each a mapping with "kernel" and maybe "bias", of NumPy or anything
            that NumPy reads; as in `variables["params"]`, or in `variables["params"]["cell"]` of an nn.RNN.

    Returns:
        A layer with `batch_first=True`, as nn.RNN lays sequences out. The state of an LSTM is (h, c); the carry of
        Flax is (c, h).

    Source: Flax 0.10, flax.linen.
    Raises InputError for a cell that is none of these, ShapeError for parameters of other names or shapes.

    >>> kernel, bias = np.zeros((5, 5), np.float32), np.zeros(5, np.float32)
    >>> from_flax("SimpleCell", {"i": {"kernel": kernel[:3], "bias": bias}, "h": {"kernel": kernel}}).cell
    Elman(3, 5)
    """
    if cell not in get_args(FlaxCell):
        raise InputError(f"from_flax: cell must be one of {', '.join(get_args(FlaxCell))}; got {cell!r}")
    gates = _GATES[cell]
    expected = {f"{side}{gate}" for side in "ih" for gate in gates}
    if set(params) != expected:
        raise ShapeError(f"from_flax: {cell} has the parameters {sorted(expected)}; got {sorted(params)}")
    first = checked_array(f"h{gates[0]}", params[f"h{gates[0]}"].get("kernel"), (None, None))
    hidden = first.shape[1]
    made = {}
    for side, rows, weight in (("i", None, "weight_ih"), ("h", hidden, "weight_hh")):
        kernels = [
            checked_array(f"{side}{gate}/kernel", params[f"{side}{gate}"].get("kernel"), (rows, hidden))
            for gate in gates
        ]
        if len({kernel.shape for kernel in kernels}) != 1:
            raise ShapeError(
                f"from_flax: kernels of {cell} differ in size: {[kernel.shape for kernel in kernels]}"
            )
        made[weight] = columns(np.concatenate(kernels, 1), 1, (0,))
        biases = [_bias(f"{side}{gate}", params[f"{side}{gate}"], hidden, first.dtype) for gate in gates]
        made[weight.replace("weight", "bias")] = torch.tensor(np.concatenate(biases))
    sizes = (made["weight_ih"].shape[1], hidden)
    with torch.device("meta"):
        unit: Cell = cells.Elman(*sizes)
        if cell == "GRUCell":
            unit = cells.GRU(*sizes)
        elif cell != "SimpleCell":
            unit = cells.LSTM(*sizes)
    load_weights(unit, made)
    return Recurrent(unit, batch_first=True)


def _bias(name: str, parameters: Mapping[str, Any], hidden: int, dtype: np.dtype[Any]) -> Numbers:
    """The bias of one of Flax's linear maps; zeros where it has none."""
    if parameters.get("bias") is None:
        return np.zeros(hidden, dtype)
    return checked_array(f"{name}/bias", parameters["bias"], (hidden,))
