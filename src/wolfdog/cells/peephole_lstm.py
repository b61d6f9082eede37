"""LSTM with peephole connections: the gates read the long-term memory."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ..errors import InputError
from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, check_forget, init_forget_bias_, init_gate_
from .packed import PackedParameters

Peephole = Literal["full", "diagonal"]


class PeepholeLSTMCell(PackedParameters, TwoMemoryCell):
    """LSTM with peephole connections, by full matrices or by one weight per unit.

    With peephole="full", every gate reads the concatenation of LTM, STM and E, in that order, through an nn.Linear of
    its own, `n`, `i`, `f`, `v` [H, H + H + I]:

        seen               = [LTM_{t-1}, STM_{t-1}, E_t]
        learn      N_t     = tanh(W_n seen + b_n) * sigmoid(W_i seen + b_i)
        forget     F_t     = LTM_{t-1} * sigmoid(W_f seen + b_f)
        remember   LTM_t   = F_t + N_t
        use        STM_t   = tanh(LTM_t) * sigmoid(W_v seen + b_v)

    With peephole="diagonal", i, f and o have one peephole weight per unit, and the output gate reads the new memory:

        i, f, g, o = W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh             four blocks of H rows, in this order
        LTM_t      = sigmoid(f + p_f * LTM_{t-1}) * LTM_{t-1} + sigmoid(i + p_i * LTM_{t-1}) * tanh(g)
        STM_t      = sigmoid(o + p_o * LTM_t) * tanh(LTM_t)

    The diagonal form has the parameters of torch.nn.LSTMCell and `weight_ch` [3 H] = (p_i, p_f, p_o). ONNX's LSTM holds
    the same weights as W and R in the order i, o, f, g and as P in the order i, o, f.

    Peepholes start at zero, with one exception: in the full form the block of W_n over LTM starts at minus the
    identity, so that N_t = tanh(new - LTM_{t-1}) * i_t learns the difference from the held value. Without this
    restoring term LTM grows without bound within a few hundred training steps, and the gradients of all gates vanish
    (observed on the model problem in five runs of five).

    `cell(event, state=None) -> (stm, ltm)`: event [B, I] or [I], stm and ltm [B, H] or [H]; a missing state is zero.

    Source of the diagonal form: Gers and Schmidhuber 2000, "Recurrent nets that time and count".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are biases.
        peephole: "full" or "diagonal".
        forget: Initialisation of the biases of f and i: `Chrono(time_span)` or `ForgetBias(value)`; None is
            `Chrono(1000)`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The form is unknown, or the options contradict each other.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
        >>> full, diagonal = PeepholeLSTMCell(3, 5, peephole="full"), PeepholeLSTMCell(3, 5, peephole="diagonal")
        >>> full.n.weight.shape, diagonal.weight_ch.shape
        (torch.Size([5, 13]), torch.Size([15]))
    """

    n: nn.Linear
    i: nn.Linear
    f: nn.Linear
    v: nn.Linear
    weight_ch: nn.Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        peephole: Peephole = "diagonal",
        forget: Forget | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if peephole not in get_args(Peephole):
            raise InputError(f"PeepholeLSTM: peephole must be 'full' or 'diagonal'; got {peephole!r}")
        self.peephole = peephole
        self.forget = check_forget(forget, bias)
        if peephole == "full":
            for name in ("n", "i", "f", "v"):
                columns = hidden_size + hidden_size + input_size
                self.add_module(name, nn.Linear(columns, hidden_size, bias, device, dtype))
        else:
            self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
            self.weight_ch = nn.Parameter(torch.empty(3 * hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, biases by `forget`, peepholes as above."""
        if self.peephole == "full":
            for gate in (self.n, self.i, self.f, self.v):
                init_gate_(gate, self.hidden_size, peephole=True)
            self.n.weight[:, : self.hidden_size].fill_diagonal_(-1.0)
            if self.forget is not None:
                init_forget_bias_(self.forget, forget=self.f.bias, learn=self.i.bias)
            return
        biases = self.reset_packed_parameters(4)
        nn.init.zeros_(self.weight_ch)
        if self.forget is not None:
            i, f, _, _ = biases
            init_forget_bias_(self.forget, forget=f, learn=i)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        return self._full(event, stm, ltm) if self.peephole == "full" else self._diagonal(event, stm, ltm)

    def _full(self, event: Tensor, stm: Tensor, ltm: Tensor) -> TwoMemories:
        seen = torch.cat((ltm, self.recalled(stm), event), -1)  # [B, H + H + I]
        n, i, f = torch.tanh(self.n(seen)), torch.sigmoid(self.i(seen)), torch.sigmoid(self.f(seen))
        v = torch.sigmoid(self.v(seen))
        learn = self.learned(n) * i
        forget = ltm * f
        remember = forget + learn
        use = torch.tanh(remember) * v
        return use, remember

    def _diagonal(self, event: Tensor, stm: Tensor, ltm: Tensor) -> TwoMemories:
        i, f, g, o = self.gates_of(event, stm).chunk(4, -1)
        p_i, p_f, p_o = self.weight_ch.chunk(3)
        i, f, g = torch.sigmoid(i + p_i * ltm), torch.sigmoid(f + p_f * ltm), torch.tanh(g)
        ltm = f * ltm + i * self.learned(g)
        o = torch.sigmoid(o + p_o * ltm)
        stm = o * torch.tanh(ltm)
        return stm, ltm
