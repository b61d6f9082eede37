"""Standard LSTM."""

import torch
from torch import Tensor

from .cell import TwoMemories, TwoMemoryCell
from .clipping import check_limit, clipped
from .initialisation import Forget, check_forget, init_forget_bias_
from .packed import PackedParameters


class LSTMCell(PackedParameters, TwoMemoryCell):
    """Long short-term memory with a forget gate, as torch.nn.LSTMCell.

        i, f, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)          four blocks of H rows, in this order;
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = o * tanh(LTM_t)

    Parameters have the names and layout of torch.nn.LSTMCell.

    `cell(event, state=None) -> (stm, ltm)`, that is (h, c): event [B, I] or [I], stm and ltm [B, H] or [H]; a missing
    state is zero.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; Gers, Schmidhuber and Cummins 2000, "Learning to
    forget"; clipping of the cell state: Sak, Senior and Beaufays 2014.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are biases.
        forget: Initialisation of the biases of f and i: `Chrono(time_span)` or `ForgetBias(value)`; None is
            `Chrono(1000)`.
        clip_ltm: Bound on |LTM_t|, applied before the output reads it; None for none.
        clip_gates: Bound on the arguments of the gates' sigmoid and tanh, ONNX's `clip`; None for none.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
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
        *,
        bias: bool = True,
        forget: Forget | None = None,
        clip_ltm: float | None = None,
        clip_gates: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = check_forget(forget, bias)
        self.clip_ltm, self.clip_gates = (
            check_limit("clip_ltm", clip_ltm),
            check_limit("clip_gates", clip_gates),
        )
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        if self.forget is not None:
            i, f, _, _ = biases
            init_forget_bias_(self.forget, forget=f, learn=i)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, f, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped(f * ltm + i * self.learned(g), self.clip_ltm)
        stm = o * torch.tanh(ltm)
        return stm, ltm
