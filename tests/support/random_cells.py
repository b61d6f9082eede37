"""Random cells of PyTorch's modules and operations, with random attributes, and random changes between their calls."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from random_pieces import MODULES, NORMS, PIECES, UNITS

BATCH = 2
ROWS = 7


class RandomCell(nn.Module):
    """A step of one of torch's units, and a few random pieces over its results.

    The state is one tensor, a pair, or a pair of which one is a pair. `dtype` is the format of the parameters. With
    `whole`, events are whole numbers below `ROWS`, and the step looks up a number for each.
    """

    input_size = 3
    shared = 1.0

    def __init__(self, draw: random.Random, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.whole = draw.random() < 0.2
        self.table = nn.Embedding(ROWS, 1, draw.choice([None, 3]))
        self.form = draw.choice(["one", "one", "pair", "nested"])
        kind = nn.LSTMCell if self.form != "one" else draw.choice([nn.GRUCell, nn.RNNCell])
        self.unit, self.inner = kind(3, UNITS), draw.choice([nn.GRUCell, nn.RNNCell])(UNITS, UNITS)
        self.linear, self.drop = nn.Linear(UNITS, UNITS, bias=draw.random() < 0.8), nn.Dropout(0.5)
        self.norm = NORMS[draw.choice(sorted(NORMS))](draw)
        self.activation = MODULES[draw.choice(sorted(MODULES))](draw)
        self.prelu, self.narrow = nn.PReLU(draw.choice([1, UNITS])), nn.Linear(2, 2)
        self.square = nn.Parameter(0.5 * torch.randn(UNITS, UNITS))
        self.heads = nn.Parameter(0.5 * torch.randn(2, 2, 2))
        self.register_buffer("offset", 0.1 * torch.randn(UNITS))
        self.sequence = nn.Sequential(nn.Linear(UNITS, UNITS), nn.Tanh())
        self.number, self.count, self.scalar = 0.5, 2, np.float32(0.5)
        self.array, self.nested = np.ones(UNITS, np.float32), [[0.5]]
        self.options = SimpleNamespace(keep=True)
        self.mask_x = self.mask_h = torch.full((UNITS,), 0.5, dtype=dtype)
        self.each = torch.rand(BATCH, UNITS, dtype=dtype)
        self.bias: Tensor | None = None
        self.unread: Any = 0
        self.pieces = pieces(draw)
        self.to(dtype).eval()

    def initial_state(self, batch: int) -> Any:
        zeros = self.unit.weight_hh.new_zeros(batch, UNITS)
        return {"one": zeros, "pair": (zeros, zeros), "nested": ((zeros, zeros), zeros)}[self.form]

    def scaled(self, h: Tensor) -> Tensor:
        return 0.5 * h

    def forward(self, x: Tensor, state: Any) -> Any:
        last = None
        if self.whole:
            x = self.table(x).flatten(1)
        if self.form == "nested":
            state, last = state
        after = self.unit(x, state)
        values = [after, state] if self.form == "one" else [*after, state[0]]
        if last is not None:
            values.append(last)
        for piece, a, b in self.pieces:
            values.append(torch.tanh(piece(self, values[a % len(values)], values[b % len(values)])))
        if self.form == "one":
            return values[-1]
        pair = values[-1], after[1]
        return pair if last is None else (pair, values[-2])


def pieces(draw: random.Random) -> list[tuple[Any, int, int]]:
    """A few random pieces, each with the numbers of its operands; the first operand is often the latest value."""
    names = draw.sample(sorted(PIECES), draw.randint(1, 4))
    latest = [-1, -1, *range(8)]
    return [(PIECES[name], draw.choice(latest), draw.randrange(8)) for name in names]


def _attribute(
    name: str, make: Callable[[random.Random], Any]
) -> Callable[[RandomCell, random.Random], None]:
    return lambda cell, draw: setattr(cell, name, make(draw))


def _tensor(name: str, *shape: int) -> Callable[[RandomCell, random.Random], None]:
    return lambda cell, draw: setattr(cell, name, torch.rand(shape, dtype=cell.unit.weight_hh.dtype))


def _hook(cell: RandomCell, draw: random.Random) -> None:
    module = draw.choice([cell, cell.unit, cell.linear])
    if module._forward_hooks or module._forward_pre_hooks:
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    elif module is cell.linear:
        module.register_forward_pre_hook(lambda module, given: (0.5 * given[0],))
    elif not isinstance(cell.unit, nn.LSTMCell):
        module.register_forward_hook(lambda module, given, h: 0.5 * h)


def _tied(cell: RandomCell, draw: random.Random) -> None:
    cell.mask_h = cell.mask_x if draw.random() < 0.5 else torch.rand_like(cell.mask_x)


def _tied_weights(cell: RandomCell, draw: random.Random) -> None:
    if parametrize.is_parametrized(cell.linear):
        return
    tied = cell.linear.weight is cell.square
    cell.linear.weight = nn.Parameter(torch.randn_like(cell.square)) if tied else cell.square


def _weights(cell: RandomCell, draw: random.Random) -> None:
    parameter = draw.choice(list(cell.parameters()))
    how = draw.choice(["data", "numpy", "in place", "new", "optimizer"])
    with torch.no_grad():
        if how == "data":
            parameter.data.mul_(0.9)
        elif how == "numpy":
            parameter.detach().numpy().__imul__(0.9)
        elif how == "in place":
            parameter.mul_(0.9)
        elif how == "new":
            parameter.data = torch.randn_like(parameter) * 0.5
        else:
            parameter.grad = torch.randn_like(parameter)
            torch.optim.AdamW([parameter], 0.1, fused=True).step()
            parameter.grad = None


def _parametrized(cell: RandomCell, draw: random.Random) -> None:
    if parametrize.is_parametrized(cell.linear):
        parametrize.remove_parametrizations(cell.linear, "weight")
    elif cell.linear.weight is not cell.square:
        parametrizations.weight_norm(cell.linear)


def _frozen(cell: RandomCell, draw: random.Random) -> None:
    parameter = draw.choice(list(cell.parameters()))
    parameter.requires_grad_(not parameter.requires_grad)


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
    "a mask": _tensor("mask_x", UNITS),
    "rows of the batch": _tensor("each", BATCH, UNITS),
    "a buffer": lambda cell, draw: cell.offset.add_(0.1),
    "a tie": _tied,
    "tied weights": _tied_weights,
    "a bias": lambda cell, draw: (
        setattr(cell, "bias", None) if draw.random() < 0.5 else _tensor("bias", UNITS)(cell, draw)
    ),
    "a hook": _hook,
    "a module": lambda cell, draw: setattr(cell, "linear", nn.Linear(UNITS, UNITS).to(cell.square.dtype)),
    "an activation": lambda cell, draw: setattr(
        cell, "activation", MODULES[draw.choice(sorted(MODULES))](draw).to(cell.square.dtype)
    ),
    "a parametrization": _parametrized,
    "the probability of dropout": lambda cell, draw: setattr(cell.drop, "p", draw.choice([0.0, 0.3, 1.0])),
    "what has a gradient": _frozen,
    "a piece": lambda cell, draw: setattr(cell, "pieces", pieces(draw)),
    "pieces in place": lambda cell, draw: cell.pieces.__setitem__(0, pieces(draw)[0]),
    "the mode": lambda cell, draw: cell.train(not cell.training),
    "what is not read": _attribute("unread", lambda draw: draw.random()),
}  # fmt: skip
"""What may change between two calls."""
