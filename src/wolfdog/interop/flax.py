"""Weights of Flax cells."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch

from .. import cells
from ..cells import Cell
from ..errors import InputError, ShapeError
from ..layers import Recurrent
from .arrays import Numbers, checked_array, gate_rows, load_weights

FlaxCell = Literal["LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"]

_GATES: dict[str, tuple[str, ...]] = {
    "LSTMCell": ("i", "f", "g", "o"),
    "OptimizedLSTMCell": ("i", "f", "g", "o"),
    "GRUCell": ("r", "z", "n"),
    "SimpleCell": ("",),
}


def from_flax(cell: FlaxCell, params: Mapping[str, Mapping[str, Any]]) -> Recurrent:
    """Layer with the parameters of a cell of flax.linen or flax.nnx.

        LSTMCell, OptimizedLSTMCell   ii, if, ig, io: kernel [I, H]             hi, hf, hg, ho: kernel [H, H], bias [H]
        GRUCell                       ir, iz, in: kernel [I, H], bias [H]       hr, hz: kernel [H, H]
                                                                                hn: kernel [H, H], bias [H]
        SimpleCell                    i: kernel [I, H], bias [H]                h: kernel [H, H]

    In flax.nnx, LSTMCell has `if_` in the place of `if`, and the other cells have all gates side by side, in this
    order, in dense_i (kernel [I, gates * H]) and dense_h (kernel [H, gates * H]).

    Source: Flax 0.12, flax.linen and flax.nnx.

    Args:
        cell: Type of the cell, with Flax's default activations; a SimpleCell without `residual`.
        params: Parameters by these names, each a mapping with "kernel" and optionally "bias", of arrays that NumPy
            reads: `variables["params"]`, `variables["params"]["cell"]` of a linen.RNN, or `nnx.state(cell, nnx.Param)`.

    Returns:
        A layer with `batch_first=True`, the layout of Flax's RNN. The state of an LSTM is (h, c), while Flax's carry is
        (c, h).

    Raises:
        InputError: The type of the cell is unknown.
        ShapeError: The names or shapes of the parameters are wrong.

    Examples:
        >>> kernel, bias = np.zeros((5, 5), np.float32), np.zeros(5, np.float32)
        >>> from_flax("SimpleCell", {"i": {"kernel": kernel[:3], "bias": bias}, "h": {"kernel": kernel}}).cell
        ElmanCell(3, 5)
    """
    if cell not in get_args(FlaxCell):
        raise InputError(f"from_flax: cell must be one of {', '.join(get_args(FlaxCell))}; got {cell!r}")
    names = _names(cell, params)
    gates = len(_GATES[cell])
    first = checked_array(f"{names['h'][0]}/kernel", params[names["h"][0]].get("kernel"), (None, None))
    wide = gates // len(names["h"])  # number of gates side by side in a kernel
    hidden = first.shape[1] // wide
    weights = {}
    for side, rows in (("i", None), ("h", hidden)):
        kernels = [
            checked_array(f"{name}/kernel", params[name].get("kernel"), (rows, wide * hidden))
            for name in names[side]
        ]
        if len({kernel.shape for kernel in kernels}) != 1:
            raise ShapeError(
                f"from_flax: kernels of {cell} differ in size: {[kernel.shape for kernel in kernels]}"
            )
        weights[f"weight_{side}h"] = gate_rows(np.concatenate(kernels, 1), 1, (0,))
        biases = [_bias(name, params[name], wide * hidden, first.dtype) for name in names[side]]
        weights[f"bias_{side}h"] = torch.tensor(np.concatenate(biases))
    sizes = (weights["weight_ih"].shape[1], hidden)
    with torch.device("meta"):
        unit: Cell = cells.ElmanCell(*sizes)
        if cell == "GRUCell":
            unit = cells.GRUCell(*sizes)
        elif cell != "SimpleCell":
            unit = cells.LSTMCell(*sizes)
    load_weights(unit, weights)
    return Recurrent(unit, batch_first=True)


def _names(cell: FlaxCell, params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of a cell's parameters for events and for the state, in wolfdog's order of gates."""
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
    """Bias of a linear map; zeros if it has none."""
    if parameters.get("bias") is None:
        return np.zeros(size, dtype)
    return checked_array(f"{name}/bias", parameters["bias"], (size,))
