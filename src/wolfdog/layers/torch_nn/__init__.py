"""Layers of torch.nn, run by kernels."""

from .rnn import GRU as GRU
from .rnn import LSTM as LSTM
from .rnn import RNN as RNN

__all__ = ["GRU", "LSTM", "RNN"]
