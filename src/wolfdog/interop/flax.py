"""Weights of Flax cells."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch

from .. import cells
from ..cells import Cell
from ..errors import InputError, ShapeError
from ..layers import Recurrent
from .arrays import Numbers, checked_array, columns, load_weights

FlaxCell = Literal["LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"]

_GATES: dict[str, tuple[str, ...]] = {
    "LSTMCell": ("i", "f", "g", "o"),
    "OptimizedLSTMCell": ("i", "f", "g", "o"),
    "GRUCell": ("r", "z", "n"),
    "SimpleCell": ("",),
}


def from_flax(cell: FlaxCell, params: Mapping[str, Mapping[str, Any]]) -> Recurrent:
    """A cell of flax.linen or flax.nnx as a layer of ours, from its parameters.

        LSTMCell, OptimizedLSTMCell   ii, if, ig, io: kernel [I, H]             hi, hf, hg, ho: kernel [H, H], bias [H]
        GRUCell                       ir, iz, in: kernel [I, H], bias [H]       hr, hz: kernel [H, H]
                                                                                hn: kernel [H, H], bias [H]
        SimpleCell                    i: kernel [I, H], bias [H]                h: kernel [H, H]

    In flax.nnx LSTMCell has `if_` in the place of `if`, and the others have all gates side by side, in this order, in
    dense_i (kernel [I, gates * H]) and dense_h (kernel [H, gates * H]).

    Args:
        cell: which cell it was, with Flax's own activations; a SimpleCell without `residual`.
        params: its parameters by these names, each a mapping with "kernel" and maybe "bias", of NumPy or anything
            that NumPy reads; as in `variables["params"]`, or in `variables["params"]["cell"]` of a linen.RNN, and in
            nnx `nnx.state(cell, nnx.Param)`.

    Returns:
        A layer with `batch_first=True`, as Flax's RNN lays sequences out. The state of an LSTM is (h, c); the carry of
        Flax is (c, h).

    Source: Flax 0.12, flax.linen and flax.nnx.
    Raises InputError for a cell that is none of these, ShapeError for parameters of other names or shapes.

    >>> kernel, bias = np.zeros((5, 5), np.float32), np.zeros(5, np.float32)
    >>> from_flax("SimpleCell", {"i": {"kernel": kernel[:3], "bias": bias}, "h": {"kernel": kernel}}).cell
    ElmanCell(3, 5)
    """
    if cell not in get_args(FlaxCell):
        raise InputError(f"from_flax: cell must be one of {', '.join(get_args(FlaxCell))}; got {cell!r}")
    names = _names(cell, params)
    gates = len(_GATES[cell])
    first = checked_array(f"{names['h'][0]}/kernel", params[names["h"][0]].get("kernel"), (None, None))
    wide = gates // len(names["h"])  # gates side by side in one kernel
    hidden = first.shape[1] // wide
    made = {}
    for side, rows in (("i", None), ("h", hidden)):
        kernels = [
            checked_array(f"{name}/kernel", params[name].get("kernel"), (rows, wide * hidden))
            for name in names[side]
        ]
        if len({kernel.shape for kernel in kernels}) != 1:
            raise ShapeError(
                f"from_flax: kernels of {cell} differ in size: {[kernel.shape for kernel in kernels]}"
            )
        made[f"weight_{side}h"] = columns(np.concatenate(kernels, 1), 1, (0,))
        biases = [_bias(name, params[name], wide * hidden, first.dtype) for name in names[side]]
        made[f"bias_{side}h"] = torch.tensor(np.concatenate(biases))
    sizes = (made["weight_ih"].shape[1], hidden)
    with torch.device("meta"):
        unit: Cell = cells.ElmanCell(*sizes)
        if cell == "GRUCell":
            unit = cells.GRUCell(*sizes)
        elif cell != "SimpleCell":
            unit = cells.LSTMCell(*sizes)
    load_weights(unit, made)
    return Recurrent(unit, batch_first=True)


def _names(cell: FlaxCell, params: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the parameters of a cell are called, those for events and those for the state, in our order of gates."""
    linen = {side: [f"{side}{gate}" for gate in _GATES[cell]] for side in "ih"}
    keyword = {side: [name.replace("if", "if_") for name in names] for side, names in linen.items()}
    packed = {side: [f"dense_{side}"] for side in "ih"}
    forms = [linen, keyword if cell == "LSTMCell" else packed]
    if not isinstance(params, Mapping) or not all(isinstance(part, Mapping) for part in params.values()):
        raise ShapeError(
            f"from_flax: params must be a mapping of mappings, as variables['params']; got {type(params).__name__}"
        )
    for form in forms:
        if set(params) == {name for names in form.values() for name in names}:
            return form
    expected, other = (", ".join(form["i"] + form["h"]) for form in forms)
    raise ShapeError(
        f"from_flax: {cell} has the parameters {expected}, or in flax.nnx {other}; got {', '.join(map(str, params))}"
    )


def _bias(name: str, parameters: Mapping[str, Any], size: int, dtype: np.dtype[Any]) -> Numbers:
    """The bias of one of Flax's linear maps; zeros where it has none."""
    if parameters.get("bias") is None:
        return np.zeros(size, dtype)
    return checked_array(f"{name}/bias", parameters["bias"], (size,))
