"""LSTM with a coupled input and forget gate (CIFG)."""

import torch
from torch import Tensor

from .cell import TwoMemories, TwoMemoryCell
from .clipping import check_limit, clipped
from .initialisation import Forget, check_forget, init_forget_bias_
from .packed import PackedParameters


class CoupledLSTMCell(PackedParameters, TwoMemoryCell):
    """LSTM with a coupled input and forget gate (CIFG): the forget gate is one minus the input gate.

        i, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)             three blocks of H rows, in this order;
        LTM_t   = (1 - i) * LTM_{t-1} + i * g                            s is tanh for g, else the sigmoid
        STM_t   = o * tanh(LTM_t)

    It has a quarter fewer parameters than the LSTM. LTM stays within [-1, 1], because it is a weighted mean of values
    of tanh. ONNX's LSTM with input_forget=1 is this cell.

    `cell(event, state=None) -> (stm, ltm)`: event [B, I] or [I], stm and ltm [B, H] or [H]; a missing state is zero.

    Source: Greff et al. 2017, "LSTM: a search space odyssey".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are biases.
        forget: Initialisation of the bias of i, the negative of a forget gate's: `Chrono(time_span)` or
            `ForgetBias(value)`; None is `Chrono(1000)`.
        clip_ltm: Bound on |LTM_t|; None for none.
        clip_gates: Bound on the arguments of the gates' sigmoid and tanh; None for none.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
        >>> cell = CoupledLSTMCell(3, 5)
        >>> stm, ltm = cell(torch.ones(2, 3))
        >>> cell.weight_ih.shape, bool((ltm.abs() < 1).all())
        (torch.Size([15, 3]), True)
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
        self.add_packed_parameters(3, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, the bias of i by `forget`."""
        biases = self.reset_packed_parameters(3)
        if self.forget is not None:
            i, _, _ = biases
            init_forget_bias_(self.forget, forget=i)
            i.neg_()  # 1 - sigmoid(i) is sigmoid(-i): the forget gate's bias is -i

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(3, -1)
        i, g, o = torch.sigmoid(i), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped((1 - i) * ltm + i * self.learned(g), self.clip_ltm)
        stm = o * torch.tanh(ltm)
        return stm, ltm
