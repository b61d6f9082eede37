"""Neural Turing machine: a recurrent cell with an external memory that heads read and write."""

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
from ...layers.composing import reinitialise
from .addressing import sharpened, shifted, similarity

BLANK_VALUE = 1e-6
"""Initial value of every number of the memory, which learned best in Collier and Beel 2018."""

DEFAULT_CONTROLLER = partial(LSTMCell, forget=ForgetBias(1.0))
"""Default controller. Its own memory is short, since the external memory holds what lasts: after 4,000 batches of the
copy task it made no error (two seeds); an LSTM with chrono initialisation over 1,000 steps had 44 % wrong bits (one
seed)."""


class NTMState(NamedTuple):
    """State of a neural Turing machine.

    Attributes:
        controller: State of the controller; its first tensor is the short-term memory.
        read: Vectors read at the last step, [B, R, M].
        weights: Weights of all heads [B, R + W, N], read heads first.
        memory: Memory [B, N, M].
    """

    controller: State
    read: Tensor
    weights: Tensor
    memory: Tensor


class NTMCell(nn.Module):
    """Neural Turing machine: a controller cell, and heads that read and write a memory of N slots of M numbers.

        STM_t  = controller([E_t, r_{t-1}])                         first tensor of the controller's state
        k, beta, g, s, gamma (every head), e, a (write heads) = W STM_t + b, where
                 beta = softplus(.), g = sigmoid(.), s = softmax(.), gamma = 1 + softplus(.), e = sigmoid(.)
        c_i    = softmax_i(beta cosine(k, M_{t-1,i}))               content addressing
        w'     = g c + (1 - g) w_{t-1}                              interpolation with the last weights
        w''_i  = sum_j s_j w'_{i-j}                                 circular shift by j = -S, ..., S slots
        w_t,i  = w''_i^gamma / sum_j w''_j^gamma                    sharpening
        M_t    = M_{t-1} * prod_h (1 - w_h e_h^T) + sum_h w_h a_h^T over the write heads h
        r_t    = sum_i w_t,i M_t,i                                  for every read head
        y_t    = [STM_t, r_t]                                       output [B, H + R M]

    `cell(event, state=None) -> (output, state)`: event [B, I] or [I], the state an `NTMState`. Initially every slot is
    blank and every head reads the first slot; `wd.LearnedState` learns the initial state.

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the controller, H.
        slots: Number of slots, N.
        slot_size: Features of a slot, M.
        read_heads: Number of read heads, R.
        write_heads: Number of write heads, W.
        shift_range: S; with 0, a head moves by content only.
        controller: Constructor of the controller, called as `controller(input_size + R M, hidden_size)`: a cell of
            `wolfdog.cells`, `functools.partial` of one, `Feedforward`, or any cell with an `output_size` that returns
            its state. The default is an LSTM with ForgetBias(1.0).
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, the shift range exceeds the memory, or the controller has no
            `output_size`.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> cell = NTMCell(3, 5, slots=16, slot_size=4)
        >>> output, state = cell(torch.zeros(2, 3))
        >>> output.shape, state.memory.shape
        (torch.Size([2, 9]), torch.Size([2, 16, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        slots: int = 128,
        slot_size: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        shift_range: int = 1,
        controller: Callable[[int, int], nn.Module] = DEFAULT_CONTROLLER,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = positive("input_size", input_size)
        self.hidden_size = positive("hidden_size", hidden_size)
        self.slots, self.slot_size = positive("slots", slots), positive("slot_size", slot_size)
        self.read_heads = positive("read_heads", read_heads)
        self.write_heads = positive("write_heads", write_heads)
        self.shift_range = _check_shift_range(shift_range, slots)
        self.controller = controller(input_size + read_heads * slot_size, hidden_size).to(device, dtype)
        controller_size = feature_size(self.controller, "output_size")
        if controller_size is None:
            raise InputError(
                f"NTM: a controller must say its output_size; {type(self.controller).__name__} has no whole number "
                "output_size"
            )
        heads, W, M = self.heads, write_heads, slot_size
        self.sizes = [heads * M, heads, heads, heads * (2 * shift_range + 1), heads, W * M, W * M]
        self.interface = nn.Linear(controller_size, sum(self.sizes), device=device, dtype=dtype)
        self._draw_interface()

    @property
    def heads(self) -> int:
        """Number of heads, reading and writing."""
        return self.read_heads + self.write_heads

    @property
    def output_size(self) -> int:
        """Features of an output: the controller's and those of the read heads."""
        return self.interface.in_features + self.read_heads * self.slot_size

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the state's tensors, if the controller names its own."""
        return (*getattr(self.controller, "state_names", ()), *NTMState._fields[1:])

    def reset_parameters(self) -> None:
        """Initialise: the controller by its own method; Glorot weights and zero biases between it and the heads."""
        reinitialise(self.controller, "NTM")
        self._draw_interface()

    def initial_state(self, batch: int | None = None) -> NTMState:
        """Initial state: that of the controller, blank slots, and weight one of every head on the first slot.

        Args:
            batch: Number of sequences, B; None without a batch.

        Returns:
            The state.
        """
        rows, like = () if batch is None else (batch,), self.interface.bias
        controller = initial_state(self.controller, 1 if batch is None else batch)
        if controller is None:
            raise InputError(
                f"NTM: {type(self.controller).__name__} does not define its initial state: give it a method "
                "initial_state(batch)"
            )
        weights = like.new_zeros(*rows, self.heads, self.slots)
        weights[..., 0] = 1
        return NTMState(
            controller if batch is not None else transform(lambda part: part[0], controller),
            like.new_zeros(*rows, self.read_heads, self.slot_size),
            weights,
            like.new_full((*rows, self.slots, self.slot_size), BLANK_VALUE),
        )

    def forward(self, event: Tensor, state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        before = self._previous_state(event, state)
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

    def _by_heads(self, outputs: Tensor) -> Iterator[Tensor]:
        """Outputs of the interface by kind, each [B, heads, ...]."""
        heads = (self.heads,) * 5 + (self.write_heads,) * 2
        return (
            part.reshape(*part.shape[:-1], n, part.shape[-1] // n)
            for n, part in zip(heads, torch.split(outputs, self.sizes, -1), strict=True)
        )

    def _draw_interface(self) -> None:
        nn.init.xavier_uniform_(self.interface.weight)
        nn.init.zeros_(self.interface.bias)

    def _previous_state(self, event: Tensor, state: NTMState | None) -> NTMState:
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
        parts = list(state) if isinstance(state, tuple) else []
        if len(parts) != 4 or [getattr(part, "shape", None) for part in parts[1:]] != expected:
            got = [list(getattr(part, "shape", ())) for part in parts[1:]] or type(state).__name__
            raise ShapeError(
                f"NTM: the state must be an NTMState{NTMState._fields}, the last three of the shapes "
                f"{list(map(list, expected))}; got {got}"
            )
        return NTMState(*state)


def _check_shift_range(shift_range: int, slots: int) -> int:
    if isinstance(shift_range, bool) or not isinstance(shift_range, int) or shift_range < 0:
        raise InputError(f"shift_range must be 0 or a positive whole number; got {shift_range!r}")
    if 2 * shift_range + 1 > slots:
        raise InputError(
            f"NTM: shifts of up to shift_range={shift_range} slots in both directions need at least "
            f"{2 * shift_range + 1} slots; got slots={slots}"
        )
    return shift_range
