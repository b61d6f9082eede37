"""Recurrent units, each a module that reads like its equations: `cell(event, state) -> state`."""

from .cell import Cell as Cell
from .elman import Elman as Elman
from .four_gate_lstm import FourGateLSTM as FourGateLSTM
from .gru import GRU as GRU
from .initialisation import Chrono as Chrono
from .initialisation import ForgetBias as ForgetBias
from .lstm import LSTM as LSTM
from .peephole_lstm import PeepholeLSTM as PeepholeLSTM

__all__ = ["GRU", "LSTM", "Cell", "Chrono", "Elman", "ForgetBias", "FourGateLSTM", "PeepholeLSTM"]
