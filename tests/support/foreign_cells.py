"""Cells as others write them: every form that a layer takes."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class OutputAndState(nn.Module):
    """(output, state): the output is no part of the state and has a size of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 + 4, 4)
        self.read = nn.Linear(4, 2)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.mix(torch.cat((x, h), -1)))
        return self.read(h), h

    def initial_state(self, batch: int) -> Tensor:
        return self.mix.bias.new_zeros(batch, 4)


class OutputAndPair(OutputAndState):
    """(output, (h, c)): an output beside a state of two."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        y, h = super().forward(x, h)
        return y, (h, 0.9 * c + h)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        h = super().initial_state(batch)
        return h, h + 0.5


class LearnedStart(nn.Module):
    """One memory whose initial state is a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 + 4, 4)
        self.start = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat((x, h), -1)))

    def initial_state(self, batch: int) -> Tensor:
        return self.start.expand(batch, 4)


class OwnZero(nn.Module):
    """Makes its own first state, which is not zeros, where it is given none."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3 + 4, 4)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        h = x.new_full((len(x), 4), 0.7) if h is None else h
        return torch.tanh(self.mix(torch.cat((x, h), -1)))


class OwnZeroPair(OwnZero):
    """Makes its own first state and returns a pair: without being told, a state or an output and a state."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = state if state is not None else (None, x.new_full((len(x), 4), 0.3))
        h = super().forward(x, h)
        return h, 0.5 * c + h


class MatrixMemory(NamedTuple):
    out: Tensor  # [B, 4]
    held: tuple[Tensor, Tensor]  # [B, 4, 3] and [B]


class Nested(nn.Module):
    """A named tuple with a matrix and a number per row inside."""

    def __init__(self) -> None:
        super().__init__()
        self.write = nn.Linear(3, 4)

    def forward(self, x: Tensor, state: MatrixMemory) -> MatrixMemory:
        matrix, count = state.held
        matrix = 0.9 * matrix + self.write(x)[:, :, None] * x[:, None, :]
        return MatrixMemory(torch.tanh(matrix @ x[:, :, None])[:, :, 0], (matrix, count + 1))

    def initial_state(self, batch: int) -> MatrixMemory:
        new = self.write.bias.new_zeros
        return MatrixMemory(new(batch, 4), (new(batch, 4, 3), new(batch)))
