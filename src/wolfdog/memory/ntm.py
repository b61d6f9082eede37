"""The neural Turing machine."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..cells import LSTM
from ..cells.cell import positive
from ..layers.state import State, tensors
from .addressing import sharpened, shifted, similarity

ERASED = 1e-6
"""What every number of a memory is before anything was written."""


class NTMState(NamedTuple):
    """The state of an NTM.

    controller  the state of its controller
    read        [B, R, M] what was read at the last step
    weights     [B, R + W, N] where every head looks, reading heads first
    memory      [B, N, M]
    """

    controller: State
    read: Tensor
    weights: Tensor
    memory: Tensor


class NTM(nn.Module):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 128,
        slot_size: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        furthest_shift: int = 1,
        controller: Callable[[int, int], nn.Module] = LSTM,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = positive("input_size", input_size), positive("hidden_size", hidden_size)
        self.slots, self.slot_size = positive("slots", slots), positive("slot_size", slot_size)
        self.read_heads = positive("read_heads", read_heads)
        self.write_heads = positive("write_heads", write_heads)
        self.furthest_shift = furthest_shift
        seen = input_size + read_heads * slot_size
        self.controller = controller(seen, hidden_size).to(device=device, dtype=dtype)
        heads, moves = read_heads + write_heads, 2 * furthest_shift + 1
        self.sizes = (heads * slot_size, heads, heads, heads * moves, heads, write_heads * slot_size, write_heads * slot_size)
        self.interface = nn.Linear(self.controller.output_size, sum(self.sizes), device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        self.controller.reset_parameters()
        nn.init.xavier_uniform_(self.interface.weight)
        nn.init.zeros_(self.interface.bias)

    @property
    def output_size(self) -> int:
        return self.controller.output_size + self.read_heads * self.slot_size

    def initial_state(self, batch: int) -> NTMState:
        like = self.interface.bias
        weights = like.new_zeros(batch, self.read_heads + self.write_heads, self.slots)
        weights[..., 0] = 1
        return NTMState(
            self.controller.initial_state(batch),
            like.new_zeros(batch, self.read_heads, self.slot_size),
            weights,
            like.new_full((batch, self.slots, self.slot_size), ERASED),
        )

    def forward(self, event: Tensor, state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        before = NTMState(*state)
        seen = torch.cat((event, before.read.flatten(1)), -1)
        controller = self.controller(seen, before.controller)
        stm = next(tensors(controller))
        keys, strength, gate, shift, power, erase, add = self.interface(stm).split(self.sizes, -1)
        heads = self.read_heads + self.write_heads
        keys = keys.unflatten(-1, (heads, -1))
        strength, gate, power = softplus(strength).unsqueeze(-1), torch.sigmoid(gate).unsqueeze(-1), 1 + softplus(power).unsqueeze(-1)
        shift = shift.unflatten(-1, (heads, -1)).softmax(-1)
        content = (strength * similarity(keys, before.memory)).softmax(-1)
        gated = gate * content + (1 - gate) * before.weights
        weights = sharpened(shifted(gated, shift), power)
        read_weights, write_weights = weights.split((self.read_heads, self.write_heads), 1)
        erase, add = torch.sigmoid(erase).unflatten(-1, (self.write_heads, -1)), add.unflatten(-1, (self.write_heads, -1))
        memory = before.memory
        for w, e in zip(write_weights.unbind(1), erase.unbind(1)):
            memory = memory * (1 - w.unsqueeze(-1) * e.unsqueeze(1))
        for w, a in zip(write_weights.unbind(1), add.unbind(1)):
            memory = memory + w.unsqueeze(-1) * a.unsqueeze(1)
        read = (read_weights.unsqueeze(-1) * memory.unsqueeze(1)).sum(2)
        return torch.cat((stm, read.flatten(1)), -1), NTMState(controller, read, weights, memory)
