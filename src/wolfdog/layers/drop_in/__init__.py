"""torch.nn's layers, run by kernels."""

from .layers import GRU as GRU
from .layers import LSTM as LSTM
from .layers import RNN as RNN

__all__ = ["GRU", "LSTM", "RNN"]
