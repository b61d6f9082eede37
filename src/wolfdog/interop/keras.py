"""Weights of Keras layers."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import torch

from .. import cells
from ..cells import Cell
from ..errors import InputError, ShapeError
from ..layers import Recurrent
from .activations import Activation
from .arrays import checked_array, columns, load_weights
from .general_cells import GeneralElman, GeneralGRU, GeneralLSTM

KerasLayer = Literal["LSTM", "GRU", "SimpleRNN"]

_ORDERS: dict[str, tuple[int, ...]] = {"LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2), "SimpleRNN": (0,)}
"""Where our gates lie among Keras's: i, f, g, o of i, f, c, o; r, z, n of z, r, h."""

_ACTIVATIONS = {
    "tanh": Activation("Tanh"),
    "sigmoid": Activation("Sigmoid"),
    "relu": Activation("Relu"),
    "linear": Activation("Affine", 1.0, 0.0),
    "hard_sigmoid": Activation("HardSigmoid", 1 / 6, 0.5),
    "elu": Activation("Elu", 1.0),
    "softsign": Activation("Softsign"),
    "softplus": Activation("Softplus"),
}


def from_keras(
    layer: KerasLayer,
    weights: Sequence[Any],
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
) -> Recurrent:
    """A Keras layer as a layer of ours, from the arrays that its `get_weights()` gives.

        kernel            [I, gates * H]      multiplied from the right, as every kernel of Keras's
        recurrent_kernel  [H, gates * H]      gates i, f, c, o (LSTM), z, r, h (GRU), one (SimpleRNN)
        bias              [gates * H]         [2, gates * H] for a GRU with reset_after: the input's, the state's
                                              left out with use_bias=False

    Args:
        layer: which layer of keras.layers it was.
        weights: its arrays in that order, of NumPy or anything that NumPy reads.
        activation, recurrent_activation, reset_after: its settings, which are Keras's own unless given:
            "tanh", "sigmoid", "relu", "linear", "elu", "softsign", "softplus", and "hard_sigmoid" as Keras 3 has
            it, min(max(x / 6 + 0.5, 0), 1). A SimpleRNN has no recurrent_activation.

    Returns:
        A layer with `batch_first=True`, as Keras lays sequences out. Its states are h, and (h, c) for an LSTM, as
        Keras's.

    Source: Keras 3, keras.layers.LSTM, GRU and SimpleRNN.
    Raises InputError for a layer or activation that is none of these, ShapeError for arrays of other shapes.

    >>> import numpy as np
    >>> kernel, recurrent, bias = (np.zeros(s, np.float32) for s in ((3, 20), (5, 20), (20,)))
    >>> from_keras("LSTM", [kernel, recurrent, bias]).cell
    LSTMCell(3, 5)
    """
    if layer not in get_args(KerasLayer):
        raise InputError(f"from_keras: layer must be one of {', '.join(get_args(KerasLayer))}; got {layer!r}")
    if len(weights) not in (2, 3):
        raise ShapeError(
            f"from_keras: {layer} has the weights kernel, recurrent_kernel and, with a bias, bias; got {len(weights)}"
        )
    order = _ORDERS[layer]
    gates = len(order)
    recurrent = checked_array("recurrent_kernel", weights[1], (None, None))
    hidden = len(recurrent)
    recurrent = checked_array("recurrent_kernel", recurrent, (hidden, gates * hidden))
    kernel = checked_array("kernel", weights[0], (None, gates * hidden))
    made = {"weight_ih": columns(kernel, gates, order), "weight_hh": columns(recurrent, gates, order)}
    if len(weights) == 3:
        both = layer == "GRU" and reset_after
        bias = checked_array("bias", weights[2], (2, gates * hidden) if both else (gates * hidden,))
        made["bias_ih"] = columns(bias[0] if both else bias, gates, order)
        made["bias_hh"] = columns(bias[1], gates, order) if both else torch.zeros_like(made["bias_ih"])
    with torch.device("meta"):
        make = _cell_type(layer, activation, recurrent_activation, reset_after)
        cell = make(len(kernel), hidden, bias=len(weights) == 3)
    load_weights(cell, made)
    return Recurrent(cell, batch_first=True)


def _cell_type(
    layer: str, activation: str, recurrent_activation: str, reset_after: bool
) -> Callable[..., Cell]:
    """The constructor of the cell with these settings; it takes the sizes and `bias`."""
    for name in (activation, recurrent_activation):
        if name not in _ACTIVATIONS:
            raise InputError(f"from_keras: activation {name!r} is none of {', '.join(_ACTIVATIONS)}")
    out, gate = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    usual = (activation, recurrent_activation) == ("tanh", "sigmoid")
    if layer == "LSTM":
        return cells.LSTMCell if usual else partial(GeneralLSTM, activations=(gate, out, out))
    if layer == "GRU":
        if usual:
            return partial(cells.GRUCell, reset_after=reset_after)
        return partial(GeneralGRU, activations=(gate, out), reset_after=reset_after)
    if activation in ("tanh", "relu"):
        return partial(cells.ElmanCell, nonlinearity="tanh" if activation == "tanh" else "relu")
    return partial(GeneralElman, activations=(out,))
