"""A controller without a memory of its own."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import OneMemory, OneMemoryCell


class Feedforward(OneMemoryCell):
    """One layer that forgets everything, in the form of a unit: what an NTM remembers then lies in its memory alone.

        STM_t = tanh(W E_t + b)

    `cell(event, stm=None) -> stm`: event [B, I] or [I], stm [B, H] or [H]; what it was before does not matter.

    Source: the feedforward controller of Graves, Wayne and Danihelka 2014.
    Raises InputError for a size that is no positive whole number, ShapeError for an event or a state of the wrong
    shape.

    >>> Feedforward(3, 5)(torch.zeros(2, 3)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.empty(hidden_size, input_size, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(hidden_size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot weights, no bias."""
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, event: Tensor, state: OneMemory | None = None) -> OneMemory:
        self.before(event, state)
        return torch.tanh(linear(event, self.weight, self.bias))
