"""The standard LSTM."""

import torch
from torch import Tensor, nn

from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, forget_option, keep_, packed_weights_
from .packed import PackedParameters


class LSTM(PackedParameters, TwoMemoryCell):
    """The long short-term memory with a forget gate, as torch.nn.LSTMCell.

        i, f, g, o = W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh             four blocks of H rows, in this order
        LTM_t      = sigmoid(f) * LTM_{t-1} + sigmoid(i) * tanh(g)
        STM_t      = sigmoid(o) * tanh(LTM_t)

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`, that is (h, c): event [B, I] or [I], memories [B, H] or [H];
    zeros where they are missing. Parameters have torch.nn.LSTMCell's names and layout. `forget` chooses how
    the biases start: `Chrono(time_span)`, by default over 1,000 steps, or `ForgetBias(value)`.

    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000.
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = LSTM(3, 5)
    >>> stm, ltm = cell(torch.zeros(2, 3))
    >>> stm, ltm = cell(torch.ones(2, 3), (stm, ltm))
    >>> stm.shape, ltm.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
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
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, biases by `forget`."""
        packed_weights_(self.weight_ih, self.weight_hh, gates=4)
        if self.forget is not None and self.bias_ih is not None and self.bias_hh is not None:
            nn.init.zeros_(self.bias_ih)
            nn.init.zeros_(self.bias_hh)
            i, f, _, _ = self.bias_ih.chunk(4)
            keep_(self.forget, forget=f, learn=i)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, f, g, o = self.gates_of(event, stm).chunk(4, -1)
        ltm = torch.sigmoid(f) * ltm + torch.sigmoid(i) * torch.tanh(g)
        stm = torch.sigmoid(o) * torch.tanh(ltm)
        return stm, ltm
