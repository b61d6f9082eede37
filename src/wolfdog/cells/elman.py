"""Elman cell: one state, no gates."""

from typing import Literal, get_args

import torch
from torch import Tensor

from ..errors import InputError
from .cell import OneMemory, OneMemoryCell
from .packed import PackedParameters

Nonlinearity = Literal["tanh", "relu"]


class ElmanCell(PackedParameters, OneMemoryCell):
    """Simple recurrent (Elman) cell, as torch.nn.RNNCell.

        STM_t = tanh(W_ih E_t + b_ih + W_hh STM_{t-1} + b_hh)            or relu in the place of tanh

    Parameters have the names and layout of torch.nn.RNNCell. Without gates its memory fades quickly.

    `cell(event, state=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; a missing state is zero.

    Source: Elman 1990, "Finding structure in time".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the memory, H.
        bias: Whether there are biases.
        nonlinearity: "tanh" or "relu".
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: The nonlinearity is unknown, or a size is not a positive integer.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> cell = ElmanCell(3, 5)
        >>> cell(torch.zeros(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        nonlinearity: Nonlinearity = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if nonlinearity not in get_args(Nonlinearity):
            raise InputError(f"Elman: nonlinearity must be 'tanh' or 'relu'; got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        self.add_packed_parameters(1, input_size, hidden_size, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise: Glorot input weights, orthogonal recurrent weights, zero biases."""
        self.reset_packed_parameters(1)

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        stm = self.before(event, state)
        total = self.gates_of(event, stm)
        return torch.tanh(total) if self.nonlinearity == "tanh" else torch.relu(total)
