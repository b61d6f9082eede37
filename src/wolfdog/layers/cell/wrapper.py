"""What wrappers of cells have in common: one step of a cell, with something around it."""

from torch import Tensor, nn

from ...errors import InputError
from .protocol import initial_state
from .sequence_layer import feature_size
from .state import State


class CellWrapper(nn.Module):
    """A cell around a cell: it has the inner cell's sizes, names and initial state.

    Raises InputError for a cell that does not say its initial state.
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        if not isinstance(cell, nn.Module) or isinstance(cell, nn.RNNBase):
            raise InputError(
                f"{type(self).__name__} takes one step of a unit, as wolfdog.cells.LSTMCell; got {type(cell).__name__}"
            )
        if initial_state(cell, 1) is None:
            raise InputError(
                f"{type(self).__name__}: {type(cell).__name__} does not say the state that it starts from: give it a "
                "method initial_state(batch)"
            )
        self.cell = cell

    @property
    def input_size(self) -> int | None:
        """The features of an event; None where the cell does not say."""
        return feature_size(self.cell, "input_size")

    @property
    def output_size(self) -> int | None:
        """The features of an output; None where the cell does not say."""
        return feature_size(self.cell, "output_size")

    def initial_state(self, batch: int) -> State:
        """The inner cell's."""
        state = initial_state(self.cell, batch)
        assert state is not None
        return state

    def _before(self, event: Tensor, state: State | None) -> State:
        """The state that a step starts from; the initial one where none is given."""
        return self.initial_state(len(event)) if state is None else state


def innermost(cell: nn.Module) -> nn.Module:
    """The cell within all wrappers."""
    while isinstance(cell, CellWrapper):
        cell = cell.cell
    return cell
