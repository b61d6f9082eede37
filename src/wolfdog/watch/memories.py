"""The memories that a watcher can be given by name."""

from collections.abc import Callable

from ..cells import GRU, LSTM, Elman, FourGateLSTM, PeepholeLSTM
from ..cells.cell import Cell
from ..errors import InputError
from ..layers import Recurrent

NO_MEMORY = "none"
"""The name by which a watcher has no memory: its context is its snapshot."""

_CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": Elman,
    "lstm": LSTM,
    "four-gate-lstm": FourGateLSTM,
    "peephole-full": lambda inputs, hidden: PeepholeLSTM(inputs, hidden, peephole="full"),
    "peephole-diagonal": lambda inputs, hidden: PeepholeLSTM(inputs, hidden, peephole="diagonal"),
    "gru": GRU,
}

MEMORIES: tuple[str, ...] = (*_CELLS, NO_MEMORY)
"""What a watcher's memory can be: the names that `make_memory` knows, and "none"."""


def make_memory(name: str, input_size: int, hidden_size: int) -> Recurrent:
    """The memory of that name, over embeddings of `input_size`.

    Raises InputError for a name that is no memory's.

    >>> make_memory("gru", 32, 48).cell.hidden_size
    48
    """
    if name not in _CELLS:
        raise InputError(f"memory: got {name!r}; expected one of {', '.join(_CELLS)}")
    return Recurrent(_CELLS[name](input_size, hidden_size))
