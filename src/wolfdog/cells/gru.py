"""Gated recurrent unit in its two published forms."""

import torch
from torch import Tensor
from torch.nn.functional import linear

from .cell import OneMemory, OneMemoryCell
from .initialisation import Forget, check_forget, init_forget_bias_
from .packed import PackedParameters


class GRUCell(PackedParameters, OneMemoryCell):
    """Gated recurrent unit: one update gate for learning and forgetting, one state.

        r, z  = sigmoid(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)         first and second block of H rows
        n     = tanh(W_in E_t + b_in + r * (W_hn STM_{t-1} + b_hn))      third block; reset_after=True
        n     = tanh(W_in E_t + b_in + W_hn (r * STM_{t-1}) + b_hn)      third block; reset_after=False
        STM_t = (1 - z) * n + z * STM_{t-1}

    `reset_after=True` is the form of torch.nn.GRUCell, of cuDNN, and of ONNX with linear_before_reset=1;
    `reset_after=False` is the form first published, and that of ONNX with linear_before_reset=0. Both have the
    parameter names and layout of torch.nn.GRUCell.

    `cell(event, state=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; a missing state is zero.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the memory, H.
        bias: Whether there are biases.
        reset_after: Whether the reset gate is applied after the matrix product.
        forget: Initialisation of the bias of z, the gate that keeps: `Chrono(time_span)` or `ForgetBias(value)`; None
            is `Chrono(1000)`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> cell = GRUCell(3, 5, reset_after=False)
        >>> cell(torch.zeros(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        reset_after: bool = True,
        forget: Forget | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.reset_after = reset_after
        self.forget = check_forget(forget, bias)
        self.add_packed_parameters(3, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, the bias of z by `forget`."""
        biases = self.reset_packed_parameters(3)
        if self.forget is not None:
            _, z, _ = biases
            init_forget_bias_(self.forget, forget=z)

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        stm = self.before(event, state)
        return self._reset_after(event, stm) if self.reset_after else self._reset_before(event, stm)

    def _reset_after(self, event: Tensor, stm: Tensor) -> OneMemory:
        r_event, z_event, n_event = linear(event, self.weight_ih, self.bias_ih).chunk(3, -1)
        r_stm, z_stm, n_stm = linear(self.recalled(stm), self.weight_hh, self.bias_hh).chunk(3, -1)
        r, z = torch.sigmoid(r_event + r_stm), torch.sigmoid(z_event + z_stm)
        n = torch.tanh(n_event + r * n_stm)
        return (1 - z) * self.learned(n) + z * stm

    def _reset_before(self, event: Tensor, stm: Tensor) -> OneMemory:
        r_event, z_event, n_event = linear(event, self.weight_ih, self.bias_ih).chunk(3, -1)
        W_r, W_z, W_n = self.weight_hh.chunk(3)
        b_r, b_z, b_n = (None, None, None) if self.bias_hh is None else self.bias_hh.chunk(3)
        read = self.recalled(stm)
        r, z = (
            torch.sigmoid(r_event + linear(read, W_r, b_r)),
            torch.sigmoid(z_event + linear(read, W_z, b_z)),
        )
        n = torch.tanh(n_event + linear(r * read, W_n, b_n))
        return (1 - z) * self.learned(n) + z * stm
