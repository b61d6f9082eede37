"""Base class of cells that wrap a cell."""

from torch import Tensor, nn

from ...errors import InputError
from .protocol import initial_state
from .sequence_layer import feature_size
from .state import State


class CellWrapper(nn.Module):
    """Base class of cells that wrap a cell; they have its sizes and initial state.

    Args:
        cell: The inner cell.

    Raises:
        InputError: The module is not a cell, or does not define its initial state.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        if not isinstance(cell, nn.Module) or isinstance(cell, nn.RNNBase):
            raise InputError(
                f"{type(self).__name__} takes a cell, such as wolfdog.cells.LSTMCell; got {type(cell).__name__}"
            )
        if initial_state(cell, 1) is None:
            raise InputError(
                f"{type(self).__name__}: {type(cell).__name__} does not define its initial state: give it a "
                "method initial_state(batch)"
            )
        self.cell = cell

    @property
    def input_size(self) -> int | None:
        """Features of an event; None if the cell does not define them."""
        return feature_size(self.cell, "input_size")

    @property
    def output_size(self) -> int | None:
        """Features of an output; None if the cell does not define them."""
        return feature_size(self.cell, "output_size")

    def initial_state(self, batch: int) -> State:
        """Initial state of the inner cell."""
        state = initial_state(self.cell, batch)
        assert state is not None
        return state

    def _previous_state(self, event: Tensor, state: State | None) -> State:
        """Previous state of a step; the initial state if `state` is None."""
        return self.initial_state(len(event)) if state is None else state


def innermost(cell: nn.Module) -> nn.Module:
    """Cell inside all wrappers."""
    while isinstance(cell, CellWrapper):
        cell = cell.cell
    return cell
