"""Feedforward controller of a neural Turing machine."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import OneMemory, OneMemoryCell


class Feedforward(OneMemoryCell):
    """Feedforward layer in the form of a cell, without memory of its own.

        STM_t = tanh(W E_t + b)

    `cell(event, state=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; the state is ignored.

    Source: the feedforward controller of Graves, Wayne and Danihelka 2014, "Neural Turing machines".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the output, H.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer.
        ShapeError: In calls: the event or the state has the wrong shape.

    Examples:
        >>> Feedforward(3, 5)(torch.zeros(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise: Glorot weights, zero biases."""
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        self.before(event, state)
        return torch.tanh(linear(event, self.weight, self.bias))
