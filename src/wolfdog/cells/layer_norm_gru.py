"""The gated recurrent unit with layer normalisation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from .cell import OneMemory, OneMemoryCell
from .initialisation import Forget, forget_option, keep_
from .packed import PackedParameters


class LayerNormGRUCell(PackedParameters, OneMemoryCell):
    """The GRU whose sums are normalised, example by example.

        r, z  = sigmoid(norm(W_ih E_t; a_ih, b_ih) + norm(W_hh STM_{t-1}; a_hh, b_hh))
        n     = tanh(norm(W_in E_t; a_in, b_in) + r * norm(W_hn STM_{t-1}; a_hn, b_hn))
        STM_t = (1 - z) * n + z * STM_{t-1}

        norm(v; a, b) = a * (v - mean(v)) / sqrt(var(v) + 1e-5) + b

    with mean and variance (of all elements, not one less) over the whole vector: over the 2 H sums of r and z
    together, and over the H sums of n by themselves. The short-term memory is carried over as it is. z is the
    share that is kept, as in the GRU (the paper writes 1 - z for it). Weights have torch.nn.GRUCell's layout,
    three blocks in the order r, z, n; so have the gains a, `gain_ih` and `gain_hh` [3 H], and the shifts b,
    `bias_ih` and `bias_hh`.

    `cell(event, stm=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; zeros where it is missing.
    `forget` chooses how the bias of z starts: `Chrono(time_span)`, by default over 1,000 steps, or
    `ForgetBias(value)`. Gains start at one.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", supplementary material.
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = LayerNormGRUCell(3, 5)
    >>> cell(torch.ones(2, 3)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        forget: Forget | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = forget_option(forget, bias)
        self.add_packed_parameters(3, input_size, hidden_size, bias, device, dtype)
        self.gain_ih = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.gain_hh = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, gains one, the bias of z by `forget`."""
        biases = self.reset_packed_parameters(3)
        nn.init.ones_(self.gain_ih)
        nn.init.ones_(self.gain_hh)
        if self.forget is not None:
            _, z, _ = biases
            keep_(self.forget, forget=z)

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
        """The sums [B, 3 H] of r and z, [B, 2 H], and of n, [B, H], each normalised over its own features."""
        split = 2 * self.hidden_size
        gates_shift, n_shift = (None, None) if shift is None else (shift[:split], shift[split:])
        gates = layer_norm(sums[..., :split], (split,), gain[:split], gates_shift)
        return gates, layer_norm(sums[..., split:], (self.hidden_size,), gain[split:], n_shift)
