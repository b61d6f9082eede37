"""Dropout within a step: kernels draw no masks, so that the loop runs it, and says so."""

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd


def test_dropout_within_a_step_runs_in_the_loop_as_pytorch_draws_it() -> None:
    class Dropped(nn.Module):
        input_size = 4

        def initial_state(self, batch: int) -> Tensor:
            return torch.zeros(batch, 4)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return nn.functional.dropout(torch.tanh(x + h), 0.5, self.training)

    cell, x, found = Dropped(), torch.randn(5, 2, 4), []
    layer = wd.Recurrent(cell)
    with pytest.warns(RuntimeWarning, match="draws random numbers for dropout"):
        layer(x)
    for run in (layer, wd.Recurrent(cell, backend="eager")):
        torch.manual_seed(3)
        found.append(run(x)[0])
    torch.testing.assert_close(*found, rtol=0, atol=0)
    assert layer.backend == "eager"
    cell.eval()
    layer(x)
    assert layer.backend == "llvm"
