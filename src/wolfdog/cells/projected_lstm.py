"""The LSTM whose short-term memory is narrower than its long-term one."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .cell import TwoMemories, TwoMemoryCell, positive
from .clipping import clipped, limit
from .initialisation import Forget, forget_option, keep_, orthogonal_
from .packed import PackedParameters


class ProjectedLSTMCell(PackedParameters, TwoMemoryCell):
    """The LSTM with a recurrent projection (LSTMP), as torch.nn.LSTM with proj_size.

        i, f, g, o = s(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)          four blocks of H rows, in this order;
        LTM_t      = f * LTM_{t-1} + i * g                               s is tanh for g, else the sigmoid
        STM_t      = W_hr (o * tanh(LTM_t))

    Its memory of H units costs recurrent matrices [4 H, P] and [P, H] in the place of one [4 H, H].

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`: event [B, I] or [I], stm [B, P] or [P], ltm [B, H] or [H];
    zeros where they are missing. Parameters are torch.nn.LSTM's of one layer: `weight_ih` [4 H, I],
    `weight_hh` [4 H, P], `bias_ih`, `bias_hh` [4 H], `weight_hr` [P, H]. `projection_size` is P. `forget`,
    `clip_ltm` and `clip_gates` are the LSTM's.

    Source: Sak, Senior and Beaufays 2014, "Long short-term memory recurrent neural network architectures for
    large scale acoustic modeling".
    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

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
        bias: bool = True,
        forget: Forget | None = None,
        clip_ltm: float | None = None,
        clip_gates: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.projection_size = positive("projection_size", projection_size)
        self.forget = forget_option(forget, bias)
        self.clip_ltm, self.clip_gates = limit("clip_ltm", clip_ltm), limit("clip_gates", clip_gates)
        self.add_packed_parameters(
            4, input_size, hidden_size, bias, device, dtype, memory_size=projection_size
        )
        self.weight_hr = nn.Parameter(torch.empty(projection_size, hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """P, the features of the short-term memory, which is the output."""
        return self.projection_size

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """As the LSTM's; recurrent blocks and W_hr, which are not square, have orthonormal columns or rows."""
        biases = self.reset_packed_parameters(4)
        orthogonal_(self.weight_hr)
        if self.forget is not None:
            i, f, _, _ = biases
            keep_(self.forget, forget=f, learn=i)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, projection_size={self.projection_size}"

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        i, f, g, o = clipped(self.gates_of(event, stm), self.clip_gates).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = clipped(f * ltm + i * self.learned(g), self.clip_ltm)
        stm = linear(o * torch.tanh(ltm), self.weight_hr)
        return stm, ltm
