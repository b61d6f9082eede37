"""Long short-term memory-network (LSTMN): an LSTM with attention over its past memories."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..cells import Cell
from ..cells.cell import positive
from ..cells.initialisation import Forget, check_forget, init_forget_bias_, parameter_factory
from ..cells.packed import PackedParameters
from ..errors import ShapeError

EMPTY_ENERGY = -1e30
"""Energy of an empty place on the tape; finite, because all places are empty at first."""


class Tape(NamedTuple):
    """State of an LSTMN; the newest entry of each tape comes first.

    Attributes:
        stm: Short-term memory, the output, [B, H].
        read: Attention over past short-term memories at the last step, [B, H].
        keys: Keys W_h STM_i [B, W, A].
        stms: Last W short-term memories [B, W, H].
        ltms: Last W long-term memories [B, W, H].
        filled: One for an entry, zero for an empty place, [B, W].
    """

    stm: Tensor
    read: Tensor
    keys: Tensor
    stms: Tensor
    ltms: Tensor
    filled: Tensor


class LSTMNCell(PackedParameters, Cell):
    """Long short-term memory-network: an LSTM whose gates read attention over its last W memories.

        e_i        = v . tanh(W_h STM_i + W_x E_t + W_r R_{t-1})                for the last W steps i < t
        s          = softmax(e)
        R_t, C_t   = sum_i s_i STM_i, sum_i s_i LTM_i                           zeros at the first step
        i, f, g, o = s(W_ih E_t + b_ih + W_hh R_t + b_hh)                       four blocks of H rows, in this order;
        LTM_t      = f * C_t + i * g                                            s is tanh for g, else the sigmoid
        STM_t      = o * tanh(LTM_t)

    In the source, attention is over all steps of a sentence; here over the last `window`. With window=1 the cell equals
    `wd.cells.LSTMCell`. It has that cell's parameters, and W_h, W_x, W_r and v.

    `cell(event, state=None) -> state`: event [B, I] or [I], the state a `Tape`; a missing state is an empty tape.

    Source: Cheng, Dong and Lapata 2016, "Long short-term memory-networks for machine reading".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of each memory, H.
        window: Number of past memories, W.
        attention_size: Features of the energy network, A; None for `hidden_size`.
        bias: Whether there are biases.
        forget: Initialisation of the biases, as of `wd.cells.LSTMCell`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or the options contradict each other.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> cell = LSTMNCell(3, 5, window=4)
        >>> tape = cell(torch.zeros(2, 3))
        >>> tape.stm.shape, tape.ltms.shape
        (torch.Size([2, 5]), torch.Size([2, 4, 5]))
    """

    state_names: ClassVar[tuple[str, ...]] = Tape._fields

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        window: int,
        *,
        attention_size: int | None = None,
        bias: bool = True,
        forget: Forget | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.window = positive("window", window)
        self.attention_size = positive(
            "attention_size", hidden_size if attention_size is None else attention_size
        )
        self.forget = check_forget(forget, bias)
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)
        parameter = parameter_factory(device, dtype)
        self.W_h, self.W_r = (parameter(self.attention_size, hidden_size) for _ in range(2))
        self.W_x, self.v = parameter(self.attention_size, input_size), parameter(self.attention_size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot input and attention weights, orthogonal recurrent weights, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        if self.forget is not None:
            i, f, _, _ = biases
            init_forget_bias_(self.forget, forget=f, learn=i)
        for matrix in (self.W_h, self.W_r, self.W_x, self.v[None]):
            nn.init.xavier_uniform_(matrix)

    def initial_state(
        self,
        batch: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tape:
        """Empty tape.

        Args:
            batch: Number of sequences, B; None without a batch.
            device: Device; None for that of the parameters.
            dtype: Type; None for that of the parameters.

        Returns:
            The tape.
        """
        rows = () if batch is None else (batch,)
        device, dtype = device or self.v.device, dtype or self.v.dtype
        return Tape(*(torch.zeros(*rows, *shape, device=device, dtype=dtype) for shape in self._shapes()))

    def forward(self, event: Tensor, state: Tape | None = None) -> Tape:
        tape = self._previous_state(event, state)
        query = linear(event, self.W_x) + linear(tape.read, self.W_r)
        energies = (torch.tanh(tape.keys + query.unsqueeze(-2)) * self.v).sum(-1)
        empty = max(EMPTY_ENERGY, torch.finfo(energies.dtype).min)  # finite in half precision too
        weights = torch.where(tape.filled > 0, energies, empty).softmax(-1) * tape.filled
        read = (weights.unsqueeze(-1) * tape.stms).sum(-2)
        kept = (weights.unsqueeze(-1) * tape.ltms).sum(-2)
        i, f, g, o = self.gates_of(event, read).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = f * kept + i * g
        stm = o * torch.tanh(ltm)
        return Tape(
            stm,
            read,
            _prepended(tape.keys, linear(stm, self.W_h)),
            _prepended(tape.stms, stm),
            _prepended(tape.ltms, ltm),
            torch.cat((torch.ones_like(tape.filled[..., :1]), tape.filled[..., :-1]), -1),
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, window={self.window}, attention_size={self.attention_size}"

    def _shapes(self) -> list[tuple[int, ...]]:
        H, W = self.hidden_size, self.window
        return [(H,), (H,), (W, self.attention_size), (W, H), (W, H), (W,)]

    def _previous_state(self, event: Tensor, state: Tape | None) -> Tape:
        self._check_event(event)
        if state is None:
            return self.initial_state(*event.shape[:-1])
        expected = [(*event.shape[:-1], *shape) for shape in self._shapes()]
        if not isinstance(state, tuple) or [getattr(part, "shape", None) for part in state] != expected:
            got = [list(part.shape) for part in state] if isinstance(state, tuple) else type(state).__name__
            raise ShapeError(
                f"LSTMN: the state must be a Tape{Tape._fields} of the shapes {list(map(list, expected))}; got {got}"
            )
        return Tape(*state)


def _prepended(tape: Tensor, entry: Tensor) -> Tensor:
    """Tape with a new first entry and without the last one."""
    return torch.cat((entry.unsqueeze(-2), tape[..., :-1, :]), -2)
