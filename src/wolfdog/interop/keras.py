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
from .arrays import checked_array, gate_rows, load_weights
from .general_cells import GeneralElman, GeneralGRU, GeneralLSTM

KerasLayer = Literal["LSTM", "GRU", "SimpleRNN"]

_ORDERS: dict[str, tuple[int, ...]] = {"LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2), "SimpleRNN": (0,)}
"""Indices in Keras's order of wolfdog's gates: i, f, g, o in i, f, c, o; r, z, n in z, r, h."""

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
    """Layer with the weights of a Keras layer, as returned by its `get_weights()`.

        kernel            [I, gates * H]      multiplied from the right, as every kernel of Keras's
        recurrent_kernel  [H, gates * H]      gates i, f, c, o (LSTM), z, r, h (GRU), one (SimpleRNN)
        bias              [gates * H]         [2, gates * H] for a GRU with reset_after: the input's, the state's
                                              left out with use_bias=False

    Source: Keras 3, keras.layers.LSTM, GRU and SimpleRNN.

    Args:
        layer: Type of the layer in keras.layers.
        weights: Its arrays in that order, which NumPy reads.
        activation: "tanh", "sigmoid", "relu", "linear", "elu", "softsign", "softplus", or "hard_sigmoid" as in Keras 3,
            min(max(x / 6 + 0.5, 0), 1).
        recurrent_activation: The same for the gates; ignored for SimpleRNN.
        reset_after: As of Keras's GRU.

    Returns:
        A layer with `batch_first=True`, the layout of Keras. Its states are h, and (h, c) for an LSTM, as in Keras.

    Raises:
        InputError: The type of the layer or an activation is unknown.
        ShapeError: The number or the shapes of the arrays are wrong.

    Examples:
        >>> import numpy as np
        >>> kernel, recurrent, bias = (np.zeros(s, np.float32) for s in ((3, 20), (5, 20), (20,)))
        >>> from_keras("LSTM", [kernel, recurrent, bias]).cell
        LSTMCell(3, 5)
    """
    if layer not in get_args(KerasLayer):
        raise InputError(f"from_keras: layer must be one of {', '.join(get_args(KerasLayer))}; got {layer!r}")
    if len(weights) not in (2, 3):
        raise ShapeError(
            f"from_keras: {layer} has 2 weights, kernel and recurrent_kernel, or 3 with bias; got {len(weights)}"
        )
    order = _ORDERS[layer]
    gates = len(order)
    recurrent = checked_array("recurrent_kernel", weights[1], (None, None))
    hidden = len(recurrent)
    recurrent = checked_array("recurrent_kernel", recurrent, (hidden, gates * hidden))
    kernel = checked_array("kernel", weights[0], (None, gates * hidden))
    made = {"weight_ih": gate_rows(kernel, gates, order), "weight_hh": gate_rows(recurrent, gates, order)}
    if len(weights) == 3:
        both = layer == "GRU" and reset_after
        bias = checked_array("bias", weights[2], (2, gates * hidden) if both else (gates * hidden,))
        made["bias_ih"] = gate_rows(bias[0] if both else bias, gates, order)
        made["bias_hh"] = gate_rows(bias[1], gates, order) if both else torch.zeros_like(made["bias_ih"])
    with torch.device("meta"):
        make = _cell_type(layer, activation, recurrent_activation, reset_after)
        cell = make(len(kernel), hidden, bias=len(weights) == 3)
    load_weights(cell, made)
    return Recurrent(cell, batch_first=True)


def _cell_type(
    layer: str, activation: str, recurrent_activation: str, reset_after: bool
) -> Callable[..., Cell]:
    """Constructor of the cell with these settings; it takes the sizes and `bias`."""
    for name in (activation, recurrent_activation):
        if name not in _ACTIVATIONS:
            raise InputError(
                f"from_keras: unknown activation {name!r}; expected one of {', '.join(_ACTIVATIONS)}"
            )
    out, gate = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    default = (activation, recurrent_activation) == ("tanh", "sigmoid")
    if layer == "LSTM":
        return cells.LSTMCell if default else partial(GeneralLSTM, activations=(gate, out, out))
    if layer == "GRU":
        if default:
            return partial(cells.GRUCell, reset_after=reset_after)
        return partial(GeneralGRU, activations=(gate, out), reset_after=reset_after)
    if activation in ("tanh", "relu"):
        return partial(cells.ElmanCell, nonlinearity="tanh" if activation == "tanh" else "relu")
    return partial(GeneralElman, activations=(out,))
