"""Memory for networks that watch: recurrent units for PyTorch, and a network that labels video by what came before."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import cells as cells
from .layers import Recurrent as Recurrent
from .layers import show as show

if TYPE_CHECKING:
    from .watch.watcher import Watcher as Watcher

__version__ = "0.1.0"

_LATER = {"Watcher": ".watch.watcher"}
"""Names whose modules load libraries for video and files: loaded when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
