"""Layers: recurrent cells over sequences, and layers made of layers."""

from .bidirectional import Bidirectional as Bidirectional
from .caches import clear_caches as clear_caches
from .cell.recurrent_dropout import RecurrentDropout as RecurrentDropout
from .cell.recurrent_dropout import shared_dropout_masks as shared_dropout_masks
from .cell.state import State as State
from .cell.state import detach as detach
from .cell.zoneout import Zoneout as Zoneout
from .checkpointing.checkpointed import Checkpointed as Checkpointed
from .learned_state import LearnedState as LearnedState
from .plot_gates import plot_gates as plot_gates
from .quantization import quantize as quantize
from .recurrent import Recurrent as Recurrent
from .show import show as show
from .stack import Stack as Stack
from .streaming import Stream as Stream
from .torch_nn import GRU as GRU
from .torch_nn import LSTM as LSTM
from .torch_nn import RNN as RNN
from .truncated import Chunk as Chunk
from .truncated import TruncatedBPTT as TruncatedBPTT

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
    "Stream",
    "TruncatedBPTT",
    "Zoneout",
    "clear_caches",
    "detach",
    "plot_gates",
    "quantize",
    "shared_dropout_masks",
    "show",
]
