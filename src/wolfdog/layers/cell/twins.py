"""Cells here that compute what torch.nn's cells do, with the same parameters, in several operators."""

from collections.abc import Callable

import torch
from torch import nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from ... import cells

TWINS: dict[type[nn.Module], Callable[..., cells.Cell]] = {
    nn.RNNCell: cells.ElmanCell,
    nn.LSTMCell: cells.LSTMCell,
    nn.GRUCell: cells.GRUCell,
}
"""Torch's cells, whose step is one operation, and the cells here that say the same in several."""


def twin_of(cell: nn.Module) -> nn.Module:
    """The cell; for torch's cells, one of ours that holds the very same parameters."""
    kind = TWINS.get(type(cell))
    if kind is None:
        return cell
    options = {"nonlinearity": cell.nonlinearity} if isinstance(cell, nn.RNNCell) else {}
    meta = torch.device("meta")
    with temporarily_clear_interpreter_stack():  # vmap would refuse the first values, which nobody reads
        twin = kind(cell.input_size, cell.hidden_size, bool(cell.bias), device=meta, **options)
    twin._parameters = cell._parameters  # one dictionary: whatever is put there is in both
    return twin
