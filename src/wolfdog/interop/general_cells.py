"""Cells with all options of ONNX's recurrent operators: activations, clipping, coupled gates."""

import torch
from torch import Tensor, nn

from ..cells.cell import OneMemory, OneMemoryCell, TwoMemories, TwoMemoryCell
from ..cells.clipping import clipped
from ..cells.packed import PackedParameters
from .activations import Activation

_SIGMOID, _TANH = Activation("Sigmoid"), Activation("Tanh")


class _GeneralCell(PackedParameters):
    """Base class of the general cells: initialisation of their parameters."""

    gates: int

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, zeros elsewhere."""
        self.reset_packed_parameters(self.gates)
        peepholes = getattr(self, "weight_ch", None)
        if peepholes is not None:
            nn.init.zeros_(peepholes)


class GeneralElman(_GeneralCell, OneMemoryCell):
    """Cell of ONNX's operator RNN.

        STM_t = f(clip(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh))

    `cell(event, state=None) -> stm`, with the parameters of wolfdog.cells.ElmanCell.

    Source: ONNX, operator RNN.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the memory, H.
        bias: Whether there are biases.
        activations: (f,).
        clip: Bound on the arguments of activations; None for none.
        dtype: Type of the parameters.

    Examples:
        >>> GeneralElman(3, 5, activations=(Activation("Elu", 0.5),), clip=2.0)(torch.zeros(2, 3)).shape
        torch.Size([2, 5])
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activations: tuple[Activation, ...] = (_TANH,),
        clip: float | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activations, self.clip = activations, clip
        self.add_packed_parameters(1, input_size, hidden_size, bias, None, dtype)
        self.reset_parameters()

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        stm = self.before(event, state)
        [f] = self.activations
        return f(clipped(self.gates_of(event, stm), self.clip))


class GeneralLSTM(_GeneralCell, TwoMemoryCell):
    """Cell of ONNX's operator LSTM.

        i, f, g, o = W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh             four blocks of H rows, in this order
        i          = f(clip(i + p_i * LTM_{t-1}))
        f          = f(clip(f + p_f * LTM_{t-1}))                        1 - i where the gates are coupled
        LTM_t      = f * LTM_{t-1} + i * g(clip(g))
        STM_t      = f(clip(o + p_o * LTM_t)) * h(LTM_t)

    `cell(event, state=None) -> (stm, ltm)`, with the parameters of wolfdog.cells.PeepholeLSTMCell in its diagonal form;
    `weight_ch` exists with `peepholes` only.

    Source: ONNX, operator LSTM.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        bias: Whether there are biases.
        activations: (f, g, h).
        clip: Bound on the arguments of gate activations; None for none.
        coupled: Whether the forget gate is one minus the input gate.
        peepholes: Whether there are peephole weights.
        dtype: Type of the parameters.

    Examples:
        >>> stm, ltm = GeneralLSTM(3, 5, clip=1.0, coupled=True)(torch.zeros(2, 3))
        >>> ltm.shape
        torch.Size([2, 5])
    """

    gates = 4
    weight_ch: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activations: tuple[Activation, ...] = (_SIGMOID, _TANH, _TANH),
        clip: float | None = None,
        coupled: bool = False,
        peepholes: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activations, self.clip, self.coupled = activations, clip, coupled
        self.add_packed_parameters(4, input_size, hidden_size, bias, None, dtype)
        weights = nn.Parameter(torch.empty(3 * hidden_size, dtype=dtype)) if peepholes else None
        self.register_parameter("weight_ch", weights)
        self.reset_parameters()

    def forward(self, event: Tensor, state: TwoMemories | None = None) -> TwoMemories:
        stm, ltm = self.before(event, state)
        gate, learn, use = self.activations
        p_i, p_f, p_o = (0.0, 0.0, 0.0) if self.weight_ch is None else self.weight_ch.chunk(3)
        i, f, g, o = self.gates_of(event, stm).chunk(4, -1)
        i = gate(clipped(i + p_i * ltm, self.clip))
        f = 1 - i if self.coupled else gate(clipped(f + p_f * ltm, self.clip))
        ltm = f * ltm + i * learn(clipped(g, self.clip))
        stm = gate(clipped(o + p_o * ltm, self.clip)) * use(ltm)
        return stm, ltm


class GeneralGRU(_GeneralCell, OneMemoryCell):
    """Cell of ONNX's operator GRU.

        r     = f(clip(W_ir E_t + b_ir + W_hr STM_{t-1} + b_hr))         the first block of H rows
        z     = f(clip(W_iz E_t + b_iz + W_hz STM_{t-1} + b_hz))         the second
        n     = g(clip(W_in E_t + b_in + r * (W_hn STM_{t-1} + b_hn)))   the third; reset_after=True
        n     = g(clip(W_in E_t + b_in + W_hn (r * STM_{t-1}) + b_hn))   the third; reset_after=False
        STM_t = (1 - z) * n + z * STM_{t-1}

    `cell(event, state=None) -> stm`, with the parameters of wolfdog.cells.GRUCell.

    Source: ONNX, operator GRU.

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the memory, H.
        bias: Whether there are biases.
        activations: (f, g).
        clip: Bound on the arguments of activations; None for none.
        reset_after: Whether the reset gate is applied after the matrix product.
        dtype: Type of the parameters.

    Examples:
        >>> GeneralGRU(3, 5, clip=1.0, reset_after=False)(torch.zeros(2, 3)).shape
        torch.Size([2, 5])
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activations: tuple[Activation, ...] = (_SIGMOID, _TANH),
        clip: float | None = None,
        reset_after: bool = True,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.activations, self.clip, self.reset_after = activations, clip, reset_after
        self.add_packed_parameters(3, input_size, hidden_size, bias, None, dtype)
        self.reset_parameters()

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        stm = self.before(event, state)
        gate, learn = self.activations
        W_r, W_z, W_n = self.weight_hh.chunk(3)
        b_r, b_z, b_n = (None, None, None) if self.bias_hh is None else self.bias_hh.chunk(3)
        r, z, n = nn.functional.linear(event, self.weight_ih, self.bias_ih).chunk(3, -1)
        r = gate(clipped(r + nn.functional.linear(stm, W_r, b_r), self.clip))
        z = gate(clipped(z + nn.functional.linear(stm, W_z, b_z), self.clip))
        if self.reset_after:
            n = n + r * nn.functional.linear(stm, W_n, b_n)
        else:
            n = n + nn.functional.linear(r * stm, W_n, b_n)
        return (1 - z) * learn(clipped(n, self.clip)) + z * stm
