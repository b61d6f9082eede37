"""Memory for networks that watch: recurrent units for PyTorch, and a network that labels video by what came before."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import cells as cells
from .extras import needs_extra
from .layers import GRU as GRU
from .layers import LSTM as LSTM
from .layers import RNN as RNN
from .layers import Bidirectional as Bidirectional
from .layers import Checkpointed as Checkpointed
from .layers import Chunk as Chunk
from .layers import LearnedState as LearnedState
from .layers import Recurrent as Recurrent
from .layers import RecurrentDropout as RecurrentDropout
from .layers import Stack as Stack
from .layers import Stream as Stream
from .layers import TruncatedBPTT as TruncatedBPTT
from .layers import Zoneout as Zoneout
from .layers import clear_caches as clear_caches
from .layers import detach as detach
from .layers import plot_gates as plot_gates
from .layers import quantize as quantize
from .layers import shared_dropout_masks as shared_dropout_masks
from .layers import show as show

if TYPE_CHECKING:
    from . import memory as memory
    from .interop import export_onnx as export_onnx
    from .interop import from_flax as from_flax
    from .interop import from_keras as from_keras
    from .interop import from_onnx as from_onnx
    from .memory import MemoryNetwork as MemoryNetwork
    from .watch import Watcher as Watcher

__version__ = "0.1.0"

_LATER = {
    "Watcher": ".watch",
    "memory": ".memory",
    "MemoryNetwork": ".memory",
    **dict.fromkeys(("export_onnx", "from_flax", "from_keras", "from_onnx"), ".interop"),
}
"""Names whose modules take time to load, or load libraries for video and files: loaded on first use."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra("watch", f"wolfdog.{name}"):
        module = import_module(_LATER[name], __name__)
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
