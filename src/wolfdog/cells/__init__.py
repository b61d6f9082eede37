"""Recurrent units, each a module that reads like its equations: `cell(event, state) -> state`."""

from .cell import Cell as Cell
from .coupled_lstm import CoupledLSTM as CoupledLSTM
from .elman import Elman as Elman
from .four_gate_lstm import FourGateLSTM as FourGateLSTM
from .gru import GRU as GRU
from .initialisation import Chrono as Chrono
from .initialisation import ForgetBias as ForgetBias
from .layer_norm_gru import LayerNormGRU as LayerNormGRU
from .layer_norm_lstm import LayerNormLSTM as LayerNormLSTM
from .lstm import LSTM as LSTM
from .peephole_lstm import PeepholeLSTM as PeepholeLSTM
from .projected_lstm import ProjectedLSTM as ProjectedLSTM

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "Chrono",
    "CoupledLSTM",
    "Elman",
    "ForgetBias",
    "FourGateLSTM",
    "LayerNormGRU",
    "LayerNormLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
]
