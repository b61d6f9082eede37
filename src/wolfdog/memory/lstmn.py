"""The LSTM whose gates see what attention over its own past returned."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..cells import Cell
from ..cells.cell import positive
from ..cells.initialisation import Forget, forget_option, keep_
from ..cells.packed import PackedParameters
from ..errors import ShapeError

NOTHING = -1e30
"""The energy of a place on the tape where nothing is yet; finite, for at first there is nothing anywhere."""


class Tape(NamedTuple):
    """The state of an LSTMN, plain tensors; the newest entry of a tape comes first.

    stm     [B, H] the short-term memory, which is the output
    read    [B, H] what was read of the short-term memories at the last step
    keys    [B, W, A] what queries are held against: W_h STM_i
    stms    [B, W, H] the last W short-term memories
    ltms    [B, W, H] the last W long-term memories
    filled  [B, W] one where there is an entry, zero where there is nothing yet
    """

    stm: Tensor
    read: Tensor
    keys: Tensor
    stms: Tensor
    ltms: Tensor
    filled: Tensor


class LSTMNCell(PackedParameters, Cell):
    """The long short-term memory-network: an LSTM that keeps its last W memories, and whose gates see what attention
    over them returned, in the place of the memories of the step before.

        e_i        = v . tanh(W_h STM_i + W_x E_t + W_r R_{t-1})                for the last W steps i < t
        s          = softmax(e)
        R_t, C_t   = sum_i s_i STM_i, sum_i s_i LTM_i                           zeros where there is no step before
        i, f, g, o = s(W_ih E_t + b_ih + W_hh R_t + b_hh)                       four blocks of H rows, in this order;
        LTM_t      = f * C_t + i * g                                            s is tanh for g, else the sigmoid
        STM_t      = o * tanh(LTM_t)

    `cell(event, state=None) -> state`: event [B, I] or [I], the state a `Tape`; nothing was seen where it is missing.
    `wd.Recurrent` runs it. The source keeps all steps of a sentence, here the last `window` are kept. With window=1 it
    is `wd.cells.LSTMCell`, of which it has the parameters; W_h, W_x, W_r and v come besides.

    attention_size  A, the features of the network that compares; hidden_size unless given
    forget          how the biases start, as `wd.cells.LSTMCell` has it

    Source: Cheng, Dong and Lapata 2016, "Long short-term memory-networks for machine reading".
    Raises InputError for sizes that are no positive whole numbers and for contradicting options, ShapeError for an
    event or a state of the wrong shape.

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
        self.forget = forget_option(forget, bias)
        self.add_packed_parameters(4, input_size, hidden_size, bias, device, dtype)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.W_h, self.W_r = (parameter(self.attention_size, hidden_size) for _ in range(2))
        self.W_x, self.v = parameter(self.attention_size, input_size), parameter(self.attention_size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot input and attention weights, orthogonal recurrent weights, biases by `forget`."""
        biases = self.reset_packed_parameters(4)
        if self.forget is not None:
            i, f, _, _ = biases
            keep_(self.forget, forget=f, learn=i)
        for matrix in (self.W_h, self.W_r, self.W_x, self.v[None]):
            nn.init.xavier_uniform_(matrix)

    def initial_state(
        self,
        batch: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tape:
        """Zeros: nothing on the tape; device and dtype are the parameters' unless given."""
        rows = () if batch is None else (batch,)
        device, dtype = device or self.v.device, dtype or self.v.dtype
        return Tape(*(torch.zeros(*rows, *shape, device=device, dtype=dtype) for shape in self._shapes()))

    def forward(self, event: Tensor, state: Tape | None = None) -> Tape:
        tape = self._before(event, state)
        query = linear(event, self.W_x) + linear(tape.read, self.W_r)
        energies = (torch.tanh(tape.keys + query.unsqueeze(-2)) * self.v).sum(-1)
        weights = torch.where(tape.filled > 0, energies, NOTHING).softmax(-1) * tape.filled
        read = (weights.unsqueeze(-1) * tape.stms).sum(-2)
        kept = (weights.unsqueeze(-1) * tape.ltms).sum(-2)
        i, f, g, o = self.gates_of(event, read).chunk(4, -1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        ltm = f * kept + i * g
        stm = o * torch.tanh(ltm)
        return Tape(
            stm,
            read,
            _pushed(tape.keys, linear(stm, self.W_h)),
            _pushed(tape.stms, stm),
            _pushed(tape.ltms, ltm),
            torch.cat((torch.ones_like(tape.filled[..., :1]), tape.filled[..., :-1]), -1),
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, window={self.window}, attention_size={self.attention_size}"

    def _shapes(self) -> list[tuple[int, ...]]:
        H, W = self.hidden_size, self.window
        return [(H,), (H,), (W, self.attention_size), (W, H), (W, H), (W,)]

    def _before(self, event: Tensor, state: Tape | None) -> Tape:
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


def _pushed(tape: Tensor, entry: Tensor) -> Tensor:
    """The tape with an entry before the others, and without the last."""
    return torch.cat((entry.unsqueeze(-2), tape[..., :-1, :]), -2)
