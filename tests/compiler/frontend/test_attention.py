"""Attention within a step: softmax over a few states, written out and as PyTorch's own function."""

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd


class Attending(nn.Module):
    """Attention over the last four outputs, which are the state."""

    input_size = 6

    def __init__(self, heads: int, mask: bool = False) -> None:
        super().__init__()
        self.heads, self.mask = heads, mask
        self.query, self.key, self.value = (nn.Linear(size, 8) for size in (6, 8, 8))
        self.register_buffer("allowed", torch.tensor([[0.0, -1.0, float("-inf"), 0.5]]))

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 4, 8)

    def forward(self, x: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = self.query(x)[:, None], self.key(last), self.value(last)
        if self.heads:
            q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in (q, k, v))
            y = nn.functional.scaled_dot_product_attention(q, k, v, self.allowed if self.mask else None)
            y = y.transpose(1, 2).flatten(2)
        else:
            y = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, -1) @ v
        y = torch.tanh(y)
        return y[:, 0], torch.cat((last[:, 1:], y), 1)


@pytest.mark.parametrize(("heads", "mask"), [(0, False), (1, False), (2, False), (2, True)])
def test_attention_over_a_few_states(heads: int, mask: bool) -> None:
    cell = Attending(heads, mask)
    layer, x = wd.Recurrent(cell, returns="output, state"), torch.randn(6, 3, 6)
    y, last = layer(x)
    assert layer.backend == "llvm", layer.fallback_reason
    expected, last_expected = wd.Recurrent(cell, returns="output, state", backend="eager")(x)
    torch.testing.assert_close((y, last), (expected, last_expected))
    wanted = list(cell.parameters())
    found = torch.autograd.grad(y.square().sum(), wanted)
    torch.testing.assert_close(
        found, torch.autograd.grad(expected.square().sum(), wanted), rtol=1e-4, atol=1e-5
    )
