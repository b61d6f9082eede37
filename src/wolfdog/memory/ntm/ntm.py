"""The neural Turing machine: a recurrent unit with a memory that it reads and writes by heads."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ...cells import ForgetBias, LSTMCell
from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.protocol import initial_state
from ...layers.cell.sequence_layer import feature_size
from ...layers.cell.state import State, tensors, transform
from ...layers.composing import draw_anew
from .addressing import sharpened, shifted, similarity

UNWRITTEN = 1e-6
"""Every number of a memory before anything was written: the start that Collier and Beel 2018 found to learn best."""

SHORT_TERM = partial(LSTMCell, forget=ForgetBias(1.0))
"""The controller unless another is given: what is to last lies in the memory. After 4,000 batches of the copy task this
one had no bit wrong (two seeds), and one that starts out keeping for up to a thousand steps 44 % (one seed)."""


class NTMState(NamedTuple):
    """The state of an NTM.

    controller  the state of its controller; the first tensor is the short-term memory
    read        [B, R, M] what the reading heads read at the last step
    weights     [B, R + W, N] where every head looked, the reading heads first
    memory      [B, N, M]
    """

    controller: State
    read: Tensor
    weights: Tensor
    memory: Tensor


class NTMCell(nn.Module):
    """The neural Turing machine: a controller, a unit as any other, and heads by which it reads and writes a memory
    of N slots of M numbers. A head looks for what is like its key, or goes on from where it was.

        STM_t  = controller([E_t, r_{t-1}])                         the first tensor of the controller's state
        k, beta, g, s, gamma (every head), e, a (writing heads) = W STM_t + b, where
                 beta = softplus(.), g = sigmoid(.), s = softmax(.), gamma = 1 + softplus(.), e = sigmoid(.)
        c_i    = softmax_i(beta cosine(k, M_{t-1,i}))               content
        w'     = g c + (1 - g) w_{t-1}                              gated: by content, or where it was
        w''_i  = sum_j s_j w'_{i-j}                                 shifted by j = -S, ..., S slots, in a ring
        w_t,i  = w''_i^gamma / sum_j w''_j^gamma                    sharpened
        M_t    = M_{t-1} * prod_h (1 - w_h e_h^T) + sum_h w_h a_h^T over the writing heads h
        r_t    = sum_i w_t,i M_t,i                                  for every reading head
        y_t    = [STM_t, r_t]                                       the output, [B, H + R M]

    `cell(event, state=None) -> (output, state)`: event [B, I] or [I], the state an `NTMState`. `wd.Recurrent` runs it.
    At the start every slot is blank and every head looks at the first; `wd.LearnedState` learns the start instead.

    slots, slot_size          N and M
    read_heads, write_heads   R and W
    shift_range               S; with 0 a head stays where it was unless its key says otherwise
    controller                makes the controller, `controller(input_size + R M, hidden_size)`: a unit of
                              `wolfdog.cells`, `functools.partial` of one, `Feedforward`, or any cell that returns its
                              state and says its output_size; an LSTM with ForgetBias(1.0) unless given

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines".
    Raises InputError for sizes that are no positive whole numbers, for a shift_range that goes around the memory, and
    for a controller that does not say its output_size; ShapeError for an event or a state of the wrong shape.

    >>> cell = NTMCell(3, 5, slots=16, slot_size=4)
    >>> output, state = cell(torch.zeros(2, 3))
    >>> output.shape, state.memory.shape
    (torch.Size([2, 9]), torch.Size([2, 16, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 128,
        slot_size: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        shift_range: int = 1,
        controller: Callable[[int, int], nn.Module] = SHORT_TERM,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = positive("input_size", input_size)
        self.hidden_size = positive("hidden_size", hidden_size)
        self.slots, self.slot_size = positive("slots", slots), positive("slot_size", slot_size)
        self.read_heads = positive("read_heads", read_heads)
        self.write_heads = positive("write_heads", write_heads)
        self.shift_range = _within(shift_range, slots)
        self.controller = controller(input_size + read_heads * slot_size, hidden_size).to(device, dtype)
        controller_size = feature_size(self.controller, "output_size")
        if controller_size is None:
            raise InputError(
                f"NTM: a controller must say the features of its output; {type(self.controller).__name__} has no "
                "whole number output_size"
            )
        heads, W, M = self.heads, write_heads, slot_size
        self.sizes = [heads * M, heads, heads, heads * (2 * shift_range + 1), heads, W * M, W * M]
        self.interface = nn.Linear(controller_size, sum(self.sizes), device=device, dtype=dtype)
        self._draw_interface()

    @property
    def heads(self) -> int:
        """How many heads there are, reading and writing."""
        return self.read_heads + self.write_heads

    @property
    def output_size(self) -> int:
        """The features of the controller's output and of what is read."""
        return self.interface.in_features + self.read_heads * self.slot_size

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the state's tensors, where the controller names its own."""
        return (*getattr(self.controller, "state_names", ()), *NTMState._fields[1:])

    def reset_parameters(self) -> None:
        """The controller's parameters as it draws them; Glorot weights and no biases between it and the heads."""
        draw_anew(self.controller, "NTM")
        self._draw_interface()

    def initial_state(self, batch: int | None = None) -> NTMState:
        """The controller's own, blank slots, and every head at the first of them."""
        rows, like = () if batch is None else (batch,), self.interface.bias
        controller = initial_state(self.controller, 1 if batch is None else batch)
        if controller is None:
            raise InputError(
                f"NTM: {type(self.controller).__name__} does not say the state that it starts from: give it a method "
                "initial_state(batch)"
            )
        weights = like.new_zeros(*rows, self.heads, self.slots)
        weights[..., 0] = 1
        return NTMState(
            controller if batch is not None else transform(lambda part: part[0], controller),
            like.new_zeros(*rows, self.read_heads, self.slot_size),
            weights,
            like.new_full((*rows, self.slots, self.slot_size), UNWRITTEN),
        )

    def forward(self, event: Tensor, state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        before = self._before(event, state)
        controlled = self.controller(torch.cat((event, before.read.flatten(-2)), -1), before.controller)
        stm = next(tensors(controlled))
        key, strength, gate, shift, power, erase, add = self._by_heads(self.interface(stm))
        strength, gate, shift = softplus(strength), torch.sigmoid(gate), shift.softmax(-1)
        power, erase = 1 + softplus(power), torch.sigmoid(erase)
        content = (strength * similarity(key, before.memory)).softmax(-1)
        gated = gate * content + (1 - gate) * before.weights
        weights = sharpened(shifted(gated, shift), power)
        read_weights, write_weights = torch.split(weights, [self.read_heads, self.write_heads], -2)
        memory = before.memory
        for h in range(self.write_heads):
            memory = memory * (1 - write_weights[..., h, :, None] * erase[..., h, None, :])
        for h in range(self.write_heads):
            memory = memory + write_weights[..., h, :, None] * add[..., h, None, :]
        read = (read_weights.unsqueeze(-1) * memory.unsqueeze(-3)).sum(-2)
        return torch.cat((stm, read.flatten(-2)), -1), NTMState(controlled, read, weights, memory)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, slots={self.slots}, slot_size={self.slot_size}, "
            f"read_heads={self.read_heads}, write_heads={self.write_heads}, shift_range={self.shift_range}"
        )

    def _by_heads(self, told: Tensor) -> Iterator[Tensor]:
        """What the controller tells its heads, each [B, heads, ...]."""
        heads = (self.heads,) * 5 + (self.write_heads,) * 2
        return (
            part.reshape(*part.shape[:-1], n, part.shape[-1] // n)
            for n, part in zip(heads, torch.split(told, self.sizes, -1), strict=True)
        )

    def _draw_interface(self) -> None:
        nn.init.xavier_uniform_(self.interface.weight)
        nn.init.zeros_(self.interface.bias)

    def _before(self, event: Tensor, state: NTMState | None) -> NTMState:
        if event.dim() not in (1, 2) or event.shape[-1] != self.input_size:
            raise ShapeError(
                f"NTM: an event must be [B, {self.input_size}], or [{self.input_size}] without a batch, because "
                f"input_size={self.input_size}; got {list(event.shape)}"
            )
        rows = event.shape[:-1]
        if state is None:
            return self.initial_state(*rows)
        expected = [
            (*rows, self.read_heads, self.slot_size),
            (*rows, self.heads, self.slots),
            (*rows, self.slots, self.slot_size),
        ]
        given = list(state) if isinstance(state, tuple) else []
        if len(given) != 4 or [getattr(part, "shape", None) for part in given[1:]] != expected:
            got = [list(getattr(part, "shape", ())) for part in given[1:]] or type(state).__name__
            raise ShapeError(
                f"NTM: the state must be an NTMState{NTMState._fields}, the last three of the shapes "
                f"{list(map(list, expected))}; got {got}"
            )
        return NTMState(*state)


def _within(shift_range: int, slots: int) -> int:
    if isinstance(shift_range, bool) or not isinstance(shift_range, int) or shift_range < 0:
        raise InputError(f"shift_range must be a whole number from 0 on; got {shift_range!r}")
    if 2 * shift_range + 1 > slots:
        raise InputError(
            f"NTM: heads that shift by up to shift_range={shift_range} slots either way need at least "
            f"{2 * shift_range + 1} slots; got slots={slots}"
        )
    return shift_range
