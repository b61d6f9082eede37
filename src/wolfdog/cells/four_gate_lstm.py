"""LSTM with the four gates learn, forget, remember and use."""

import torch
from torch import Tensor, nn

from .cell import TwoMemories, TwoMemoryCell
from .initialisation import Forget, check_forget, init_forget_bias_, init_gate_


class FourGateLSTMCell(TwoMemoryCell):
    """LSTM whose use gate reads the output of the forget gate through a matrix of its own.

        learn      N_t   = tanh(W_n [STM_{t-1}, E_t] + b_n) * sigmoid(W_i [STM_{t-1}, E_t] + b_i)
        forget     F_t   = LTM_{t-1} * sigmoid(W_f [STM_{t-1}, E_t] + b_f)
        remember   LTM_t = F_t + N_t
        use        U_t   = tanh(W_u F_t + b_u),   V_t = sigmoid(W_v [STM_{t-1}, E_t] + b_v)
                   STM_t = U_t * V_t

    The standard LSTM has tanh(LTM_t) in the place of U_t. Here, the candidate N_t reaches the output at t + 1. The
    matrices are nn.Linear modules: `n`, `i`, `f`, `v` [H, H + I] over the concatenation of STM and E, in that order,
    and `u` [H, H] over F_t. W_u starts at the identity: with a random W_u, training stays on a plateau for thousands of
    steps.

    `cell(event, state=None) -> (stm, ltm)`: event [B, I] or [I], stm and ltm [B, H] or [H]; a missing state is zero.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are biases.
        forget: Initialisation of the biases b_f and b_i: `Chrono(time_span)` or `ForgetBias(value)`; None is
            `Chrono(1000)`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The options contradict each other, or a size is not a positive integer.
        ShapeError: In calls: the event or a state has the wrong shape.

    Examples:
        >>> cell = FourGateLSTMCell(3, 5)
        >>> stm, ltm = cell(torch.ones(2, 3))
        >>> bool((stm == 0).all()), bool((ltm == 0).any())
        (True, False)
    """

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
        """Initialise: Glorot input weights, orthogonal recurrent weights, identity W_u, biases by `forget`."""
        for gate in (self.n, self.i, self.f, self.v):
            init_gate_(gate, self.hidden_size)
        nn.init.eye_(self.u.weight)
        if self.forget is not None:
            nn.init.zeros_(self.u.bias)
            init_forget_bias_(self.forget, forget=self.f.bias, learn=self.i.bias)

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
