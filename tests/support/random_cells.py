"""Random cells of PyTorch's modules and operations, with random attributes, and random changes between their calls."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

UNITS = 4

PIECES: dict[str, Callable[["RandomCell", Tensor], Tensor]] = {
    "linear": lambda cell, h: cell.linear(h),
    "sequence": lambda cell, h: cell.sequence(h),
    "tanh": lambda cell, h: torch.tanh(h),
    "gate": lambda cell, h: h * torch.sigmoid(cell.linear(h)),
    "norm": lambda cell, h: cell.norm(h),
    "drop": lambda cell, h: cell.drop(h),
    "number": lambda cell, h: h * cell.number,
    "count": lambda cell, h: h / (1 + abs(cell.count)),
    "numpy": lambda cell, h: h * float(cell.scalar),
    "array": lambda cell, h: h + torch.as_tensor(cell.array),
    "list": lambda cell, h: h * cell.nested[0][0],
    "options": lambda cell, h: h if cell.options.keep else torch.relu(h),
    "class": lambda cell, h: h * cell.shared,
    "method": lambda cell, h: cell.scaled(h),
    "mask": lambda cell, h: h * cell.mask_x + cell.mask_h,
    "bias": lambda cell, h: h if cell.bias is None else h + cell.bias,
    "softmax": lambda cell, h: torch.softmax(h, -1),
    "clamp": lambda cell, h: h.clamp(-0.5, 0.5),
    "split": lambda cell, h: torch.cat(h.chunk(2, -1)[::-1], -1),
    "where": lambda cell, h: torch.where(h > 0, h, 0.1 * h),
}
"""What a step may consist of."""


class RandomCell(nn.Module):
    """A GRU step with a few random pieces around it."""

    input_size = 3
    shared = 1.0

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.unit = draw.choice([nn.GRUCell, nn.RNNCell])(3, UNITS)
        self.linear, self.norm, self.drop = nn.Linear(UNITS, UNITS), nn.LayerNorm(UNITS), nn.Dropout(0.5)
        self.sequence = nn.Sequential(nn.Linear(UNITS, UNITS), nn.Tanh())
        self.number, self.count, self.scalar = 0.5, 2, np.float32(0.5)
        self.array, self.nested = np.ones(UNITS, np.float32), [[0.5]]
        self.options = SimpleNamespace(keep=True)
        self.mask_x = self.mask_h = torch.full((UNITS,), 0.5)
        self.bias: Tensor | None = None
        self.unread: Any = 0
        self.pieces = [PIECES[name] for name in draw.sample(sorted(PIECES), draw.randint(1, 4))]
        self.eval()

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, UNITS)

    def scaled(self, h: Tensor) -> Tensor:
        return 0.5 * h

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        h = self.unit(x, h)
        for piece in self.pieces:
            h = piece(self, h)
        return torch.tanh(h)


def _attribute(
    name: str, make: Callable[[random.Random], Any]
) -> Callable[[RandomCell, random.Random], None]:
    return lambda cell, draw: setattr(cell, name, make(draw))


def _hook(cell: RandomCell, draw: random.Random) -> None:
    if cell._forward_hooks:
        cell._forward_hooks.clear()
    else:
        cell.register_forward_hook(lambda module, given, h: 0.5 * h)


def _tied(cell: RandomCell, draw: random.Random) -> None:
    cell.mask_h = cell.mask_x if draw.random() < 0.5 else torch.rand(UNITS)


def _weights(cell: RandomCell, draw: random.Random) -> None:
    parameter = draw.choice(list(cell.parameters()))
    how = draw.choice(["data", "numpy", "in place", "new"])
    with torch.no_grad():
        if how == "data":
            parameter.data.mul_(0.9)
        elif how == "numpy":
            parameter.detach().numpy().__imul__(0.9)
        elif how == "in place":
            parameter.mul_(0.9)
        else:
            parameter.data = torch.randn_like(parameter) * 0.5


CHANGES: dict[str, Callable[[RandomCell, random.Random], None]] = {
    "nothing": lambda cell, draw: None,
    "weights": _weights,
    "a number": _attribute("number", lambda draw: draw.choice([0.5, 1, 1.0, True, draw.random()])),
    "a count": _attribute("count", lambda draw: draw.choice([1, 2, 3])),
    "a NumPy number": _attribute("scalar", lambda draw: np.float32(draw.choice([0.25, 0.5]))),
    "an array": lambda cell, draw: cell.array.fill(draw.choice([0.0, 0.5])),
    "a list": lambda cell, draw: cell.nested[0].__setitem__(0, draw.choice([0.25, 0.5])),
    "options": lambda cell, draw: setattr(cell.options, "keep", draw.random() < 0.5),
    "a class attribute": lambda cell, draw: setattr(RandomCell, "shared", draw.choice([0.5, 1.0])),
    "a method": _attribute("scaled", lambda draw: draw.choice([lambda h: h, lambda h: 0.25 * h])),
    "a mask": _attribute("mask_x", lambda draw: torch.rand(UNITS)),
    "a tie": _tied,
    "a bias": _attribute("bias", lambda draw: draw.choice([None, torch.rand(UNITS)])),
    "a hook": _hook,
    "a module": lambda cell, draw: setattr(cell, "linear", nn.Linear(UNITS, UNITS)),
    "a piece": lambda cell, draw: setattr(cell, "pieces", [PIECES[draw.choice(sorted(PIECES))]]),
    "the mode": lambda cell, draw: cell.train(not cell.training),
    "what is not read": _attribute("unread", lambda draw: draw.random()),
}
"""What may change between two calls."""
