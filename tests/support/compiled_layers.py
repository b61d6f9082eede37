"""Layers for tests of what compiled layers live through."""

import torch
from torch import Tensor

import wolfdog as wd


def lstm(dtype: torch.dtype = torch.float64, **options: object) -> wd.Recurrent:
    torch.manual_seed(0)
    return wd.Recurrent(wd.cells.LSTMCell(3, 4, dtype=dtype), **options)


def eager_of(layer: wd.Recurrent) -> wd.Recurrent:
    return wd.Recurrent(layer.cell, backend="eager")


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-11)
