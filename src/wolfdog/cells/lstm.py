"""The standard LSTM."""

import torch
from torch import Tensor

from .cell import TwoMemories, TwoMemoryCell
from .clipping import clipped, limit
from .initialisation import Forget, forget_option, keep_
from .packed import PackedParameters


class LSTMCell(PackedParameters, TwoMemoryCell):
    """The long short-term memory with a forget gate, as torch.nn.LSTMCell.

        i, f, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)          four blocks of H rows, in this order;
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = o * tanh(LTM_t)

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`, that is (h, c): event [B, I] or [I], memories [B, H] or [H];
    zeros where they are missing. Parameters have torch.nn.LSTMCell's names and layout. `forget` chooses how
    the biases start: `Chrono(time_span)`, by default over 1,000 steps, or `ForgetBias(value)`.

    `clip_ltm` keeps LTM_t within [-clip_ltm, clip_ltm], before the output reads it (Sak et al. 2014).
    `clip_gates` does so with what the gates' sigmoid and tanh are taken of: what ONNX's LSTM calls `clip`.

    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000.
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = LSTMCell(3, 5)
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
        clip_ltm: float | None = None,
        clip_gates: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = forget_option(forget, bias)
        self.clip_ltm, self.clip_gates = limit("clip_ltm", clip_ltm), limit("clip_gates", clip_gates)
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        if self.forget is not None:
            i, f, _, _ = biases
            keep_(self.forget, forget=f, learn=i)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, f, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped(f * ltm + i * self.learned(g), self.clip_ltm)
        stm = o * torch.tanh(ltm)
        return stm, ltm
