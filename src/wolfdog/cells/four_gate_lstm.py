"""The LSTM of four gates: learn, forget, remember, use."""

import torch
from torch import Tensor, nn

from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, forget_option, gate_, keep_


class FourGateLSTMCell(TwoMemoryCell):
    """The LSTM whose use gate reads what the forget gate let through, by a matrix of its own.

        learn      N_t   = tanh(W_n [STM_{t-1}, E_t] + b_n) * sigmoid(W_i [STM_{t-1}, E_t] + b_i)
        forget     F_t   = LTM_{t-1} * sigmoid(W_f [STM_{t-1}, E_t] + b_f)
        remember   LTM_t = F_t + N_t
        use        U_t   = tanh(W_u F_t + b_u),   V_t = sigmoid(W_v [STM_{t-1}, E_t] + b_v)
                   STM_t = U_t * V_t

    The standard LSTM says tanh(LTM_t) where this one says U_t: what is learned at t is thus not in the output
    before t + 1. The matrices are nn.Linear modules `n`, `i`, `f`, `v` [H, H + I] over the concatenation of
    STM and E, in that order, and `u` [H, H] over F_t. W_u starts at the identity; from a random one, training
    stays on a plateau for thousands of steps.

    `cell(event, (stm, ltm)=None) -> (stm, ltm)`: event [B, I] or [I], memories [B, H] or [H]; zeros where
    they are missing. `forget` chooses how the biases start: `Chrono(time_span)`, by default over 1,000 steps,
    or `ForgetBias(value)`.

    Raises InputError for contradicting options, ShapeError for an event or a state of the wrong shape.

    >>> cell = FourGateLSTMCell(3, 5)
    >>> stm, ltm = cell(torch.ones(2, 3))
    >>> bool((stm == 0).all()), bool((ltm == 0).any())
    (True, False)
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

        def over(columns: int) -> nn.Linear:
            return nn.Linear(columns, hidden_size, bias, device, dtype)

        self.n = over(hidden_size + input_size)
        self.i = over(hidden_size + input_size)
        self.f = over(hidden_size + input_size)
        self.u = over(hidden_size)
        self.v = over(hidden_size + input_size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent weights, W_u the identity, biases by `forget`."""
        for gate in (self.n, self.i, self.f, self.v):
            gate_(gate, self.hidden_size)
        nn.init.eye_(self.u.weight)
        if self.forget is not None:
            nn.init.zeros_(self.u.bias)
            keep_(self.forget, forget=self.f.bias, learn=self.i.bias)

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        seen = torch.cat((self.recalled(stm), event), -1)  # [B, H + I]
        n, i, f = torch.tanh(self.n(seen)), torch.sigmoid(self.i(seen)), torch.sigmoid(self.f(seen))
        v = torch.sigmoid(self.v(seen))
        learn = self.learned(n) * i
        forget = ltm * f
        remember = forget + learn
        u = torch.tanh(self.u(forget))
        use = u * v
        return use, remember
