"""Registry of the memories that a watcher can have, by name."""

from collections.abc import Callable, Sequence
from functools import partial

from ...cells import (
    Chrono,
    CoupledLSTMCell,
    ElmanCell,
    FourGateLSTMCell,
    GRUCell,
    LSTMCell,
    PeepholeLSTMCell,
)
from ...cells.cell import Cell
from ...errors import InputError
from ...memory import LSTMNCell, NTMCell
from .attention_memory import AttentionMemory
from .memory import LSTMNMemory, Reach, RecurrentMemory, WatcherMemory
from .readers import AttentionReader, HopReader

NO_MEMORY = "none"
"""Name for a watcher without a memory: its context is its snapshot."""

_CELLS: dict[str, Callable[[int, int, Chrono | None], Cell]] = {
    "elman": lambda inputs, hidden, _: ElmanCell(inputs, hidden),
    "lstm": lambda inputs, hidden, forget: LSTMCell(inputs, hidden, forget=forget),
    "coupled-lstm": lambda inputs, hidden, forget: CoupledLSTMCell(inputs, hidden, forget=forget),
    "four-gate-lstm": lambda inputs, hidden, forget: FourGateLSTMCell(inputs, hidden, forget=forget),
    "peephole-full": lambda inputs, hidden, forget: PeepholeLSTMCell(
        inputs, hidden, peephole="full", forget=forget
    ),
    "peephole-diagonal": lambda inputs, hidden, forget: PeepholeLSTMCell(
        inputs, hidden, peephole="diagonal", forget=forget
    ),
    "gru": lambda inputs, hidden, forget: GRUCell(inputs, hidden, forget=forget),
}

DEFAULT_MEMORY = "gru"
"""Memory of a watcher where none is named: the unit with the lowest mean shortfall over the event worlds."""

_TURING = "ntm"
SLOTS = SLOT_SIZE = 16
"""Slots, and numbers in a slot, of the neural Turing machine; it has one read and one write head, and an LSTM as its
controller."""

_WINDOWS = {"lstmn": 16, "attention": 1024, "memory-network": 1024}
"""Default number of past moments that each attention memory holds."""

BANK, STRIDE = 720, 10.0
"""Default number of entries of a bank, and default seconds between two of them: two hours in all."""

MOST_ENTRIES = 65_536

CELLS: tuple[str, ...] = tuple(_CELLS)
"""Names of the memories that are a recurrent unit."""

MEMORIES: tuple[str, ...] = (
    *_CELLS,
    _TURING,
    *_WINDOWS,
    *(f"{cell}+attention" for cell in _CELLS),
    *(f"{cell}+bank" for cell in _CELLS),
    NO_MEMORY,
)
"""Names of the memories of a watcher: those of `make_memory`, and "none"."""

IN_WORDS = f"{', '.join((*_CELLS, _TURING, *_WINDOWS))}, or a cell with +attention or +bank, as lstm+bank"
"""Names that `make_memory` accepts, as text for messages."""


def make_memory(
    name: str,
    input_size: int,
    hidden_size: int,
    *,
    window: int | None = None,
    stride: float | None = None,
    fps: float = 5.0,
    forget: Chrono | None = None,
) -> WatcherMemory:
    """Memory of that name, over embeddings of `input_size`.

    Args:
        name: One of `MEMORIES` except "none".
        input_size: Size of an embedding.
        hidden_size: Units of the memory.
        window: Number of past moments that an attention memory holds.
        stride: Seconds between two moments that a bank holds.
        fps: Moments a second.
        forget: Initialisation of the forget gates of a gated cell; None: `Chrono()`.

    Returns:
        The untrained memory.

    Raises:
        InputError: There is no memory of that name, or it does not take one of the options.

    Examples:
        >>> make_memory("gru", 32, 48).output_size, make_memory("lstm+bank", 32, 48).reach.longest
        (48, 7200.0)
    """
    if name == NO_MEMORY or name not in MEMORIES:
        raise InputError(f"memory: got {name!r}; expected one of {IN_WORDS}")
    check_options(name, window, stride)
    first, _, second = name.partition("+")
    kind = second or first
    if kind in _CELLS:
        return RecurrentMemory(_CELLS[kind](input_size, hidden_size, forget))
    if kind == _TURING:
        return RecurrentMemory(NTMCell(input_size, hidden_size, slots=SLOTS, slot_size=SLOT_SIZE))
    entries = window or _WINDOWS.get(kind, BANK)
    if kind == "lstmn":
        return LSTMNMemory(LSTMNCell(input_size, hidden_size, entries), 1 / fps)
    layer = RecurrentMemory(_CELLS[first](input_size, hidden_size, forget)) if second else None
    reach = Reach(entries, (stride or STRIDE) if kind == "bank" else 0.0, 1 / fps)
    if kind == "memory-network":
        return AttentionMemory(input_size, hidden_size, layer, HopReader, reach, 16)
    reader = partial(AttentionReader, weighting="stick-breaking" if layer is None else "softmax")
    return AttentionMemory(input_size, hidden_size, layer, reader, reach, 8)


def check_names(names: Sequence[str], where: str) -> None:
    """Check of a list of memory names.

    Args:
        names: Names to check.
        where: Beginning of the error message.

    Raises:
        InputError: The list is empty, or a name in it is unknown or there twice.
    """
    strange = [name for name in names if name not in MEMORIES or name == NO_MEMORY]
    if strange or not names:
        raise InputError(f"{where}: got {strange[0] if strange else 'none'!r}; expected {IN_WORDS}")
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise InputError(f"{where}: {twice[0]} occurs twice; name each memory once")


def check_options(name: str, window: int | None, stride: float | None) -> None:
    """Check of the options of a memory.

    Raises:
        InputError: The memory does not take a window or a stride, or one is out of range.
    """
    if window is not None:
        if name in (*_CELLS, _TURING, NO_MEMORY):
            other = f", or choose {name}+attention" if name in _CELLS else ""
            raise InputError(
                f"window: the memory {name} holds no past moments to look through; leave it out{other}"
            )
        if isinstance(window, bool) or not 1 <= window <= MOST_ENTRIES:
            raise InputError(f"window must lie between 1 and {MOST_ENTRIES} moments, got {window!r}")
    if stride is not None:
        if not name.endswith("+bank"):
            raise InputError(f"stride: {name} is no bank, and holds every moment or none; leave stride out")
        if not 0 < stride <= 86_400:
            raise InputError(f"stride must lie above 0 and be at most 86400 seconds, got {stride!r}")
