"""Plans of calls: matrices read where they lie, and packed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wolfdog as wd
from wolfdog.compiler.backends.llvm import launch


class _ManyRows(nn.Module):
    """Cell that multiplies several rows of features of each example."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(5, 5) / 3)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 9, 5)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x.unsqueeze(1) + nn.functional.linear(h, self.w))


@pytest.mark.parametrize(
    ("make", "large", "steps", "batch", "packs"),
    [
        (lambda: nn.GRUCell(5, 5), 1 << 20, 8, 4, False),
        (lambda: nn.GRUCell(5, 5), 1 << 20, 8, 5, True),  # 40 rows
        (lambda: nn.GRUCell(5, 5), 0, 2, 8, False),  # each step passes twice, four rows at a time
        (lambda: nn.GRUCell(5, 5), 0, 5, 1, True),
        (_ManyRows, 1 << 20, 3, 1, False),
        (_ManyRows, 1 << 20, 2, 2, True),  # 36 rows
    ],
)
def test_many_rows_and_many_passes_over_large_matrices_read_packed_copies(
    make: Callable[[], nn.Module],
    large: int,
    steps: int,
    batch: int,
    packs: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    seen, packed = [], launch.packed

    def counted(*given: Any) -> dict[str, Tensor]:
        seen.append(given)
        return packed(*given)

    monkeypatch.setattr(launch, "packed", counted)
    monkeypatch.setattr(launch, "LARGE", large)
    layer, x = wd.Recurrent(make()), torch.randn(steps, batch, 5)
    eager = wd.Recurrent(layer.cell, backend="eager")
    found = []
    for one in (layer, eager):
        one.zero_grad()
        y, _ = one(x)
        y.square().sum().backward()
        found.append([y.detach(), *(p.grad for p in one.parameters())])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
    assert len(seen) == (2 if packs else 0)  # forward and backward
