"""Memory for networks that watch."""

from . import cells as cells
from .layers import Recurrent as Recurrent
from .layers import show as show

__version__ = "0.1.0"
