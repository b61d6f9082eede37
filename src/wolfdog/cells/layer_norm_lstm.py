"""The LSTM with layer normalisation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, forget_option, keep_
from .packed import PackedParameters


class LayerNormLSTMCell(PackedParameters, TwoMemoryCell):
    """The LSTM whose sums and whose long-term memory are normalised, example by example.

        i, f, g, o = s(norm(W_ih E_t; a_ih, b_ih) + norm(W_hh STM_{t-1}; a_hh, b_hh))
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = o * tanh(norm(LTM_t; a_ltm, b_ltm))

        norm(v; a, b) = a * (v - mean(v)) / sqrt(var(v) + 1e-5) + b

    with mean and variance (of all elements, not one less) over the whole vector: the first two norms are over
    the 4 H sums of all gates together, four blocks in the order i, f, g, o, the third over the H units. LTM
    is carried over as it is; only what the output reads of it is normalised. The gains a are `gain_ih`,
    `gain_hh` [4 H] and `gain_ltm` [H], the shifts b `bias_ih`, `bias_hh` and `bias_ltm`; the further bias that
    the paper adds to the sums is in bias_ih.

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`: event [B, I] or [I], memories [B, H] or [H]; zeros where
    they are missing. `forget` chooses how the biases start: `Chrono(time_span)`, by default over 1,000 steps,
    or `ForgetBias(value)`. Gains start at one.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", supplementary material.
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = LayerNormLSTMCell(3, 5)
    >>> (quiet, _), (loud, _) = cell(torch.ones(2, 3)), cell(1000 * torch.ones(2, 3))
    >>> torch.allclose(quiet, loud, atol=1e-3)  # how loud an event is hardly matters
    True
    """

    bias_ltm: nn.Parameter | None

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
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)

        def parameter(size: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(size, device=device, dtype=dtype))

        self.gain_ih, self.gain_hh = parameter(4 * hidden_size), parameter(4 * hidden_size)
        self.gain_ltm = parameter(hidden_size)
        self.register_parameter("bias_ltm", parameter(hidden_size) if bias else None)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, gains one, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        for gain in (self.gain_ih, self.gain_hh, self.gain_ltm):
            nn.init.ones_(gain)
        if self.forget is not None:
            i, f, _, _ = biases
            keep_(self.forget, forget=f, learn=i)
        if self.bias_ltm is not None:
            nn.init.zeros_(self.bias_ltm)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        from_event = _normalised(linear(event, self.weight_ih), self.gain_ih, self.bias_ih)  # [B, 4 H]
        from_stm = _normalised(linear(self.recalled(stm), self.weight_hh), self.gain_hh, self.bias_hh)
        i, f, g, o = (from_event + from_stm).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = f * ltm + i * self.learned(g)
        stm = o * torch.tanh(_normalised(ltm, self.gain_ltm, self.bias_ltm))
        return stm, ltm


def _normalised(values: Tensor, gain: Tensor, shift: Tensor | None) -> Tensor:
    return layer_norm(values, gain.shape, gain, shift)
