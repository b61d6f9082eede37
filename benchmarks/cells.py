"""The cells of the benchmark, in three groups, and the shapes they are measured at."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

import wolfdog as wd

Shape = tuple[int, int, int]

SHAPES: list[Shape] = [
    (100, 32, 128), (100, 32, 256), (200, 8, 64), (1000, 1, 128), (1000, 1, 256), (100, 64, 512), (100, 128, 256),
    (50, 256, 64),
]  # fmt: skip
"""(steps, examples, units); there are as many features as units."""
QUICK: list[Shape] = [(100, 32, 128), (200, 8, 64), (1000, 1, 128)]
RAGGED: Shape = (100, 32, 128)
"""Where ragged examples, and examples with resets in mid-sequence, are measured."""
RESETS = 0.02
"""Part of the steps that start anew."""
COMPILED: list[Shape] = [(100, 32, 128), (1000, 1, 128)]
"""Where torch.compile is a peer: a step takes it 5 to 20 seconds, for every cell and every shape."""
OF_OTHERS: list[Shape] = [(100, 32, 128), (200, 8, 64), (1000, 1, 128), (100, 64, 512)]
"""Where the cells of others are measured."""


def _other(name: str) -> Callable[[int, int], nn.Module]:
    def make(inputs: int, units: int) -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchrecurrent
        cell: nn.Module = getattr(torchrecurrent, name)(inputs, units)
        return cell

    return make


IN_TORCH: dict[str, Callable[[int, int], nn.Module]] = {
    "LSTM": nn.LSTMCell,
    "GRU": nn.GRUCell,
    "Elman": nn.RNNCell,
}
OURS: dict[str, Callable[[int, int], nn.Module]] = {
    "PeepholeLSTM": wd.cells.PeepholeLSTMCell,
    "PeepholeLSTM, full": partial(wd.cells.PeepholeLSTMCell, peephole="full"),
    "FourGateLSTM": wd.cells.FourGateLSTMCell,
}
OTHERS: dict[str, Callable[[int, int], nn.Module]] = {
    "IndRNN": _other("IndRNNCell"),  # no matrix in the recurrence: every unit sees itself alone
    "AntisymmetricRNN": _other("AntisymmetricRNNCell"),  # a matrix made of its parameter, W - W^T
    "coRNN": _other("coRNNCell"),  # two states, each through a matrix of its own: oscillators
    "FastGRNN": _other("FastGRNNCell"),  # one matrix for both gates, and two learned numbers
    "NAS": _other("NASCell"),  # eight blocks, and the longest chain of pointwise functions
}
"""Five of the package torchrecurrent, as far from each other as they come."""

CELLS = {**IN_TORCH, **OURS, **OTHERS}


def layer_of(name: str, cell: nn.Module, **options: Any) -> wd.Recurrent:
    """wolfdog's layer of a cell."""
    return wd.Recurrent(cell, returns="state" if name in OTHERS else None, **options)


def weights(cell: nn.Module) -> int:
    """Numbers in a cell's matrices: what an example's step multiplies with."""
    return sum(p.numel() for p in cell.parameters() if p.dim() == 2)


def flops(cell: nn.Module, steps: float, batch: int, training: bool) -> float:
    """Operations of the matrix products: two for each weight forwards, twice as many again backwards."""
    return (6 if training else 2) * weights(cell) * steps * batch
