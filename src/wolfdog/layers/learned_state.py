"""Learned initial state of a cell."""

import torch
from torch import Tensor, nn

from .cell.protocol import initial_state
from .cell.state import State, rebuilt, tensors
from .cell.wrapper import CellWrapper
from .composing import reinitialise


class LearnedState(CellWrapper):
    """Cell with a learned initial state, which every sequence and every reset starts from.

        s_0 = theta                                                      [B, H], every row the same

    `start` holds theta, one parameter for each floating point tensor of the cell's state, initialised with the cell's
    own initial state. Other tensors keep the cell's initial values. A state passed to the layer replaces theta.

    Args:
        cell: Any cell with an initial state.

    Raises:
        InputError: The cell does not define its initial state.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.LearnedState(wd.cells.LSTMCell(3, 5)))
        >>> layer(torch.zeros(7, 2, 3))[0].sum().backward()
        >>> [tuple(theta.grad.shape) for theta in layer.cell.start]
        [(5,), (5,)]
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__(cell)
        self.start = nn.ParameterList(
            nn.Parameter(part[0].detach().clone()) for part in self._own(1) if part.is_floating_point()
        )

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the cell's parameters; the initial state becomes the cell's own."""
        reinitialise(self.cell, "LearnedState")
        own = [part for part in self._own(1) if part.is_floating_point()]
        for theta, part in zip(self.start, own, strict=True):
            theta.copy_(part[0])

    def initial_state(self, batch: int) -> State:
        """Learned initial state, expanded to a batch.

        Args:
            batch: Number of sequences, B.

        Returns:
            The state.
        """
        form = initial_state(self.cell, batch)
        assert form is not None
        left = iter(self.start)
        parts = [
            next(left).expand(part.shape) if part.is_floating_point() else part for part in tensors(form)
        ]
        return rebuilt(form, parts)

    def forward(self, event: Tensor, state: State | None = None) -> State:
        after: State = self.cell(event, self._previous_state(event, state))
        return after

    def _own(self, batch: int) -> list[Tensor]:
        state = initial_state(self.cell, batch)
        assert state is not None
        return list(tensors(state))
