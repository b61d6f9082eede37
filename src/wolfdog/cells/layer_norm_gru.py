"""GRU with layer normalisation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from .cell import OneMemory, OneMemoryCell
from .initialisation import Forget, check_forget, init_forget_bias_
from .packed import PackedParameters


class LayerNormGRUCell(PackedParameters, OneMemoryCell):
    """GRU with layer normalisation of its pre-activations, computed for each example.

        r, z  = sigmoid(norm(W_ih E_t; a_ih, b_ih) + norm(W_hh STM_{t-1}; a_hh, b_hh))
        n     = tanh(norm(W_in E_t; a_in, b_in) + r * norm(W_hn STM_{t-1}; a_hn, b_hn))
        STM_t = (1 - z) * n + z * STM_{t-1}

        norm(v; a, b) = a * (v - mean(v)) / sqrt(var(v) + 1e-5) + b

    Mean and (biased) variance are over the whole vector: over the 2 H pre-activations of r and z together, and over the
    H of n. The state itself is not normalised. z is the gate that keeps, as in `GRUCell` (the paper writes 1 - z).
    Weights have the layout of torch.nn.GRUCell, three blocks in the order r, z, n; so have the gains a, `gain_ih` and
    `gain_hh` [3 H], and the shifts b, `bias_ih` and `bias_hh`. Gains start at one.

    `cell(event, state=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; a missing state is zero.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", supplementary material.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the memory, H.
        bias: Whether there are shifts b.
        forget: Initialisation of the bias of z: `Chrono(time_span)` or `ForgetBias(value)`; None is `Chrono(1000)`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> cell = LayerNormGRUCell(3, 5)
        >>> cell(torch.ones(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        forget: Forget | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = check_forget(forget, bias)
        self.add_packed_parameters(3, input_size, hidden_size, bias, device, dtype)
        self.gain_ih = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.gain_hh = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, gains one, the bias of z by `forget`."""
        biases = self.reset_packed_parameters(3)
        nn.init.ones_(self.gain_ih)
        nn.init.ones_(self.gain_hh)
        if self.forget is not None:
            _, z, _ = biases
            init_forget_bias_(self.forget, forget=z)

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        stm = self.before(event, state)
        gates_event, n_event = self._normalised(linear(event, self.weight_ih), self.gain_ih, self.bias_ih)
        gates_stm, n_stm = self._normalised(
            linear(self.recalled(stm), self.weight_hh), self.gain_hh, self.bias_hh
        )
        r, z = torch.sigmoid(gates_event + gates_stm).chunk(2, -1)
        n = torch.tanh(n_event + r * n_stm)
        return (1 - z) * self.learned(n) + z * stm

    def _normalised(self, sums: Tensor, gain: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        """Pre-activations of r and z [B, 2 H] and of n [B, H], normalised apart, from [B, 3 H]."""
        split = 2 * self.hidden_size
        gates_shift, n_shift = (None, None) if shift is None else (shift[:split], shift[split:])
        gates = layer_norm(sums[..., :split], (split,), gain[:split], gates_shift)
        return gates, layer_norm(sums[..., split:], (self.hidden_size,), gain[split:], n_shift)
