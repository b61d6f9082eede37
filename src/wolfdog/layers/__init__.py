"""Layers: cells over sequences."""

from .recurrent import Recurrent as Recurrent
from .show import show as show
from .state import State as State
from .state import detach as detach

__all__ = ["Recurrent", "State", "detach", "show"]
