"""LSTM with layer normalisation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, check_forget, init_forget_bias_, parameter_factory
from .packed import PackedParameters


class LayerNormLSTMCell(PackedParameters, TwoMemoryCell):
    """LSTM with layer normalisation of its pre-activations and of its cell state, computed for each example.

        i, f, g, o = s(norm(W_ih E_t; a_ih, b_ih) + norm(W_hh STM_{t-1}; a_hh, b_hh))
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = o * tanh(norm(LTM_t; a_ltm, b_ltm))

        norm(v; a, b) = a * (v - mean(v)) / sqrt(var(v) + 1e-5) + b

    Mean and (biased) variance are over the whole vector: the first two norms are over the 4 H pre-activations of all
    gates together, four blocks in the order i, f, g, o; the third is over the H units. LTM itself is not normalised,
    only the value that the output reads. The gains a are `gain_ih`, `gain_hh` [4 H] and `gain_ltm` [H], the shifts b
    are `bias_ih`, `bias_hh` and `bias_ltm`; the paper's separate bias of the pre-activations is part of bias_ih. Gains
    start at one.

    `cell(event, state=None) -> (stm, ltm)`: event [B, I] or [I], stm and ltm [B, H] or [H]; a missing state is zero.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", supplementary material.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are shifts b.
        forget: Initialisation of the biases of f and i: `Chrono(time_span)` or `ForgetBias(value)`; None is
            `Chrono(1000)`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
        >>> cell = LayerNormLSTMCell(3, 5)
        >>> (small, _), (large, _) = cell(torch.ones(2, 3)), cell(1000 * torch.ones(2, 3))
        >>> torch.allclose(small, large, atol=1e-3)  # the scale of an event hardly matters
        True
    """

    bias_ltm: nn.Parameter | None

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
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
        parameter = parameter_factory(device, dtype)
        self.gain_ih, self.gain_hh = parameter(4 * hidden_size), parameter(4 * hidden_size)
        self.gain_ltm = parameter(hidden_size)
        self.register_parameter("bias_ltm", parameter(hidden_size) if bias else None)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, gains one, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        for gain in (self.gain_ih, self.gain_hh, self.gain_ltm):
            nn.init.ones_(gain)
        if self.forget is not None:
            i, f, _, _ = biases
            init_forget_bias_(self.forget, forget=f, learn=i)
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
