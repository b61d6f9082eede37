"""LSTM with a recurrent projection: the short-term memory has fewer features than the long-term memory."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .cell import TwoMemories, TwoMemoryCell, positive
from .clipping import check_limit, clipped
from .initialisation import Forget, check_forget, init_forget_bias_, init_orthogonal_
from .packed import PackedParameters


class ProjectedLSTMCell(PackedParameters, TwoMemoryCell):
    """LSTM with a recurrent projection (LSTMP), as torch.nn.LSTM with proj_size.

        i, f, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)          four blocks of H rows, in this order;
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = W_hr (o * tanh(LTM_t))

    Recurrent matrices are [4 H, P] and [P, H] in the place of one [4 H, H]. Parameters are those of one layer of
    torch.nn.LSTM: `weight_ih` [4 H, I], `weight_hh` [4 H, P], `bias_ih`, `bias_hh` [4 H], `weight_hr` [P, H].

    `cell(event, state=None) -> (stm, ltm)`: event [B, I] or [I], stm [B, P] or [P], ltm [B, H] or [H]; a missing state
    is zero.

    Source: Sak, Senior and Beaufays 2014, "Long short-term memory recurrent neural network architectures for large
    scale acoustic modeling".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the long-term memory, H.
        projection_size: Features of the short-term memory and output, P.
        bias: Whether there are biases.
        forget: Initialisation of the biases of f and i, as of `LSTMCell`.
        clip_ltm: Bound on |LTM_t|, as of `LSTMCell`.
        clip_gates: Bound on the arguments of the gates' sigmoid and tanh, as of `LSTMCell`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
        >>> cell = ProjectedLSTMCell(3, 5, projection_size=2)
        >>> stm, ltm = cell(torch.zeros(4, 3))
        >>> stm.shape, ltm.shape
        (torch.Size([4, 2]), torch.Size([4, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        projection_size: int,
        *,
        bias: bool = True,
        forget: Forget | None = None,
        clip_ltm: float | None = None,
        clip_gates: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.projection_size = positive("projection_size", projection_size)
        self.forget = check_forget(forget, bias)
        self.clip_ltm, self.clip_gates = (
            check_limit("clip_ltm", clip_ltm),
            check_limit("clip_gates", clip_gates),
        )
        self.add_packed_parameters(
            4, input_size, hidden_size, bias, device, dtype, memory_size=projection_size
        )
        self.weight_hr = nn.Parameter(torch.empty(projection_size, hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """P, the features of the output."""
        return self.projection_size

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise as the LSTM; recurrent blocks and W_hr, which are not square, get orthonormal rows or columns."""
        biases = self.reset_packed_parameters(4)
        init_orthogonal_(self.weight_hr)
        if self.forget is not None:
            i, f, _, _ = biases
            init_forget_bias_(self.forget, forget=f, learn=i)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, projection_size={self.projection_size}"

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, f, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped(f * ltm + i * self.learned(g), self.clip_ltm)
        stm = linear(o * torch.tanh(ltm), self.weight_hr)
        return stm, ltm
