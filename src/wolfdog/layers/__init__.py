"""Layers: cells over sequences."""

from .bidirectional import Bidirectional as Bidirectional
from .checkpointing import Checkpointed as Checkpointed
from .drop_in import GRU as GRU
from .drop_in import LSTM as LSTM
from .drop_in import RNN as RNN
from .learned_state import LearnedState as LearnedState
from .plot_gates import plot_gates as plot_gates
from .recurrent import Recurrent as Recurrent
from .recurrent_dropout import RecurrentDropout as RecurrentDropout
from .recurrent_dropout import same_masks as same_masks
from .show import show as show
from .stack import Stack as Stack
from .state import State as State
from .state import detach as detach
from .truncated import Chunk as Chunk
from .truncated import Truncated as Truncated
from .zoneout import Zoneout as Zoneout

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Checkpointed",
    "Chunk",
    "LearnedState",
    "Recurrent",
    "RecurrentDropout",
    "Stack",
    "State",
    "Truncated",
    "Zoneout",
    "detach",
    "plot_gates",
    "same_masks",
    "show",
]
