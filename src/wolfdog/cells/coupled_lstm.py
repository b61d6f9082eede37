"""The LSTM that forgets as much as it learns."""

import torch
from torch import Tensor

from .cell import TwoMemories, TwoMemoryCell
from .clipping import clipped, limit
from .initialisation import Forget, forget_option, keep_
from .packed import PackedParameters


class CoupledLSTMCell(PackedParameters, TwoMemoryCell):
    """The LSTM with a coupled input and forget gate (CIFG): what is let in pushes out as much.

        i, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)             three blocks of H rows, in this order;
        LTM_t   = (1 - i) * LTM_{t-1} + i * g                            s is tanh for g, else the sigmoid
        STM_t   = o * tanh(LTM_t)

    ONNX's LSTM with input_forget=1. A quarter fewer parameters than the LSTM; and LTM never leaves [-1, 1],
    being a mean of what was learned.

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`: event [B, I] or [I], memories [B, H] or [H]; zeros where
    they are missing. `forget` chooses how the bias of i starts, which is minus that of a forget gate:
    `Chrono(time_span)`, by default over 1,000 steps, or `ForgetBias(value)`. `clip_ltm` and `clip_gates` are
    the LSTM's.

    Source: Greff et al. 2017, "LSTM: a search space odyssey".
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = CoupledLSTMCell(3, 5)
    >>> stm, ltm = cell(torch.ones(2, 3))
    >>> cell.weight_ih.shape, bool((ltm.abs() < 1).all())
    (torch.Size([15, 3]), True)
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
        self.add_packed_parameters(3, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, the bias of i by `forget`."""
        biases = self.reset_packed_parameters(3)
        if self.forget is not None:
            i, _, _ = biases
            keep_(self.forget, forget=i)
            i.neg_()  # 1 - sigmoid(i) is sigmoid(-i): the forget gate's bias is -i

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(3, -1)
        i, g, o = torch.sigmoid(i), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped((1 - i) * ltm + i * self.learned(g), self.clip_ltm)
        stm = o * torch.tanh(ltm)
        return stm, ltm
