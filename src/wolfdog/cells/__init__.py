"""Recurrent cells: modules `cell(event, state) -> state` written as their equations.

Vocabulary: the event E_t is the input x_t, the short-term memory STM_t the hidden state h_t (and the output), the
long-term memory LTM_t the cell state c_t.
"""

from .cell import Cell as Cell
from .coupled_lstm import CoupledLSTMCell as CoupledLSTMCell
from .elman import ElmanCell as ElmanCell
from .four_gate_lstm import FourGateLSTMCell as FourGateLSTMCell
from .gru import GRUCell as GRUCell
from .initialisation import Chrono as Chrono
from .initialisation import ForgetBias as ForgetBias
from .layer_norm_gru import LayerNormGRUCell as LayerNormGRUCell
from .layer_norm_lstm import LayerNormLSTMCell as LayerNormLSTMCell
from .lstm import LSTMCell as LSTMCell
from .peephole_lstm import PeepholeLSTMCell as PeepholeLSTMCell
from .projected_lstm import ProjectedLSTMCell as ProjectedLSTMCell

__all__ = [
    "Cell",
    "Chrono",
    "CoupledLSTMCell",
    "ElmanCell",
    "ForgetBias",
    "FourGateLSTMCell",
    "GRUCell",
    "LSTMCell",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
]
