"""The units that tests and benchmarks go through, one row each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

import wolfdog as wd


@dataclass(frozen=True)
class CellCase:
    """One unit with one set of options; `make(input_size, hidden_size, bias=, device=, dtype=)` builds it."""

    name: str
    make: Callable[..., wd.cells.Cell]
    torch_cell: type[nn.RNNCellBase] | None = None  # the same unit in torch.nn

    def __str__(self) -> str:
        return self.name


def projected_lstm(input_size: int, hidden_size: int, **options: object) -> wd.cells.Cell:
    """An LSTM whose output is half as wide as its memory."""
    return wd.cells.ProjectedLSTMCell(input_size, hidden_size, (hidden_size + 1) // 2, **options)


CELLS = (
    CellCase("elman", wd.cells.ElmanCell, nn.RNNCell),
    CellCase("elman_relu", partial(wd.cells.ElmanCell, nonlinearity="relu")),
    CellCase("lstm", wd.cells.LSTMCell, nn.LSTMCell),
    CellCase("four_gate_lstm", wd.cells.FourGateLSTMCell),
    CellCase("peephole_full", partial(wd.cells.PeepholeLSTMCell, peephole="full")),
    CellCase("peephole_diagonal", partial(wd.cells.PeepholeLSTMCell, peephole="diagonal")),
    CellCase("gru", wd.cells.GRUCell, nn.GRUCell),
    CellCase("gru_reset_before", partial(wd.cells.GRUCell, reset_after=False)),
    CellCase("clipped_lstm", partial(wd.cells.LSTMCell, clip_ltm=0.5, clip_gates=0.8)),
    CellCase("coupled_lstm", wd.cells.CoupledLSTMCell),
    CellCase("projected_lstm", projected_lstm),
    CellCase("layer_norm_lstm", wd.cells.LayerNormLSTMCell),
    CellCase("layer_norm_gru", wd.cells.LayerNormGRUCell),
)


def scrambled(cell: nn.Module, seed: int = 0) -> nn.Module:
    """The cell with every parameter drawn at random, so that none of them is at a value that hides it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return cell


def random_state(cell: wd.cells.Cell, batch: int | None, dtype: torch.dtype = torch.float64) -> object:
    """A state of the cell's form, drawn at random."""
    state = cell.initial_state(batch, dtype=dtype)
    if isinstance(state, Tensor):
        return torch.randn_like(state)
    return tuple(torch.randn_like(part) for part in state)
