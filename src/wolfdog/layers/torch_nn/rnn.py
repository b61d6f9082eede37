"""Layers with torch.nn's arguments, parameters, results and errors."""

from typing import Any

from torch import nn

from .base import OnKernels
from .quantization import register


class RNN(OnKernels):
    """Elman RNN in layers, a replacement for torch.nn.RNN under the same interface.

        h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)                or relu instead of tanh

    Arguments, names, shapes and initial values of the parameters, results and errors are those of torch.nn.RNN, and
    state_dicts are interchangeable. Sequences run as kernels on the CPU, in float32 and float64, and by torch.nn.RNN's
    own forward elsewhere: `layer.backend` names the backend, and `layer.fallback_reason` the reason for a slower one.

    `layer(x, h_0=None) -> (y, h_n)`: x [T, B, I], [B, T, I] with batch_first, [T, I] without a batch, or a
    PackedSequence; y likewise, of H features for each direction; h [layers * directions, B, H], zeros if it is missing.

    Source: Elman 1990, "Finding structure in time".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the state, H.
        num_layers: Number of layers; each reads the outputs of the one below.
        nonlinearity: "tanh" or "relu".
        bias: Whether there are biases.
        batch_first: Whether the batch comes before time.
        dropout: Probability of dropout between layers, in training.
        bidirectional: Whether each layer also runs backwards in time.
        device: Device of the parameters.
        dtype: Type of the parameters.
        **unknown: Other arguments, which torch.nn.RNN refuses.

    Raises:
        Exception: As torch.nn.RNN.

    Examples:
        >>> import torch
        >>> layer = RNN(3, 5, num_layers=2, bidirectional=True)
        >>> y, h_n = layer(torch.zeros(7, 2, 3))
        >>> y.shape, h_n.shape
        (torch.Size([7, 2, 10]), torch.Size([4, 2, 5]))
    """

    own = nn.RNN
    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **unknown: Any,
    ) -> None:
        _check_no_projection(unknown)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        mode = f"RNN_{nonlinearity.upper()}"
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(mode, *sizes, bias, batch_first, dropout, bidirectional, 0, device, dtype, **unknown)


class LSTM(OnKernels):
    """Long short-term memory in layers, a replacement for torch.nn.LSTM under the same interface.

        i, f, g, o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh               four blocks of H rows, in this order
        c_t        = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t        = sigmoid(o) * tanh(c_t)                              W_hr times that, with proj_size

    Arguments, names, shapes and initial values of the parameters, results and errors are those of torch.nn.LSTM, and
    state_dicts are interchangeable. Sequences run as kernels on the CPU, in float32 and float64, and by torch.nn.LSTM's
    own forward elsewhere: `layer.backend` names the backend, and `layer.fallback_reason` the reason for a slower one.

    `layer(x, (h_0, c_0)=None) -> (y, (h_n, c_n))`: as of RNN, with c [layers * directions, B, H]; with proj_size P, y
    and h have P features instead of H.

    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000; Sak, Senior and Beaufays 2014.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the state, H.
        num_layers: Number of layers; each reads the outputs of the one below.
        bias: Whether there are biases.
        batch_first: Whether the batch comes before time.
        dropout: Probability of dropout between layers, in training.
        bidirectional: Whether each layer also runs backwards in time.
        proj_size: Features of the projected output, P; 0 for none.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        Exception: As torch.nn.LSTM.

    Examples:
        >>> import torch
        >>> layer = LSTM(3, 5, proj_size=2)
        >>> y, (h_n, c_n) = layer(torch.zeros(7, 2, 3))
        >>> y.shape, h_n.shape, c_n.shape
        (torch.Size([7, 2, 2]), torch.Size([1, 2, 2]), torch.Size([1, 2, 5]))
    """

    own = nn.LSTM
    get_expected_cell_size = nn.LSTM.get_expected_cell_size
    check_forward_args = nn.LSTM.check_forward_args  # type: ignore[assignment]  # of two states, as torch's
    permute_hidden = nn.LSTM.permute_hidden  # type: ignore[assignment]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers)
        super().__init__("LSTM", *sizes, bias, batch_first, dropout, bidirectional, proj_size, device, dtype)


class GRU(OnKernels):
    """Gated recurrent unit in layers, a replacement for torch.nn.GRU under the same interface.

        r, z = sigmoid(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)            first and second block of H rows
        n    = tanh(W_in x_t + b_in + r * (W_hn h_{t-1} + b_hn))         third block
        h_t  = (1 - z) * n + z * h_{t-1}

    Arguments, names, shapes and initial values of the parameters, results and errors are those of torch.nn.GRU, and
    state_dicts are interchangeable. Sequences run as kernels on the CPU, in float32 and float64, and by torch.nn.GRU's
    own forward elsewhere: `layer.backend` names the backend, and `layer.fallback_reason` the reason for a slower one.

    `layer(x, h_0=None) -> (y, h_n)`: as of RNN.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the state, H.
        num_layers: Number of layers; each reads the outputs of the one below.
        bias: Whether there are biases.
        batch_first: Whether the batch comes before time.
        dropout: Probability of dropout between layers, in training.
        bidirectional: Whether each layer also runs backwards in time.
        device: Device of the parameters.
        dtype: Type of the parameters.
        **unknown: Other arguments, which torch.nn.GRU refuses.

    Raises:
        Exception: As torch.nn.GRU.

    Examples:
        >>> import torch
        >>> layer = GRU(3, 5, batch_first=True)
        >>> y, h_n = layer(torch.zeros(2, 7, 3))
        >>> y.shape, h_n.shape
        (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]))
    """

    own = nn.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **unknown: Any,
    ) -> None:
        _check_no_projection(unknown)
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(
            "GRU", *sizes, bias, batch_first, dropout, bidirectional, 0, device, dtype, **unknown
        )


register(LSTM, GRU)  # torch.nn.RNN has no quantized form either


def _check_no_projection(unknown: dict[str, Any]) -> None:
    if "proj_size" in unknown:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
