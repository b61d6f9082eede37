"""`Zoneout`: units that keep their state for a step, at random."""

from math import prod

import torch
from torch import Tensor, nn

from ...errors import InputError
from .protocol import take_apart, tell
from .shares import share
from .state import State, rebuilt, tensors
from .wrapper import CellWrapper


class Zoneout(CellWrapper):
    """A cell of whose state some numbers, others in every step, stay as they were.

        in training     s_t = d_t * s_{t-1} + (1 - d_t) * cell(x_t, s_{t-1})           d_t = Bernoulli(p)
        in eval mode    s_t = p * s_{t-1} + (1 - p) * cell(x_t, s_{t-1})

    for every tensor s of the state; the output is the first of them, where it is no output of its own.

    cell    any cell with an initial state and an `input_size`
    states  p, one number for every tensor of the state, or a tuple of one for each: (h, c) of an LSTM

    A layer draws d for all steps of a call at once, [T, B, H] for every tensor of the state, and the steps read it
    beside their event: the same numbers drop out under one seed, whatever runs the cell.

    Source: Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden activations"; for LSTMs it
    finds (0.05, 0.5) good.
    Raises InputError for what is no share, for another number of them than of tensors, and for a cell without
    `input_size`.

    >>> import torch, wolfdog as wd
    >>> layer = wd.Recurrent(wd.Zoneout(wd.cells.LSTMCell(3, 5), states=(0.05, 0.5)))
    >>> layer(torch.zeros(7, 2, 3))[0].shape
    torch.Size([7, 2, 5])
    """

    def __init__(self, cell: nn.Module, states: float | tuple[float, ...] = 0.1) -> None:
        super().__init__(cell)
        parts = list(tensors(self.initial_state(1)))
        shares = states if isinstance(states, tuple) else (states,) * len(parts)
        if len(shares) != len(parts):
            raise InputError(
                f"Zoneout: states must be one share, or {len(parts)}, one for every tensor of the state of "
                f"{type(cell).__name__}; got {states!r}"
            )
        self.shares = tuple(share("states", one) for one in shares)
        if not isinstance(self.input_size, int):
            raise InputError(f"Zoneout needs {type(cell).__name__} to say its input_size, as an attribute")
        if any(isinstance(module, Zoneout) for module in cell.modules()):
            raise InputError("Zoneout: the cell within it has a Zoneout already")

    def forward(self, event: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        before = self._before(event, state)
        kept = None
        if self.training:
            if event.shape[-1] == self.input_size:  # a step by hand
                event = self.accompanied(event.unsqueeze(0)).squeeze(0)
            event, kept = event[:, : self.input_size], event[:, self.input_size :]
        result = self.cell(event, before)
        returns = tell(self.cell, before, result)
        output, after = take_apart(self.cell, returns, result)
        zoned = self._zoned(list(tensors(before)), list(tensors(after)), kept)
        return zoned[0] if returns == "state" else output, rebuilt(after, zoned)

    def extra_repr(self) -> str:
        return f"states={self.shares}"

    def accompanied(self, x: Tensor) -> Tensor:
        """Events [T, B, I], in training each with what its step keeps behind it, [T, B, I + numbers of the state]."""
        if not self.training:
            return x
        parts = list(tensors(self.initial_state(1)))
        shares = torch.cat(
            [x.new_full((prod(part.shape[1:]),), p) for part, p in zip(parts, self.shares, strict=True)]
        )
        return torch.cat((x, torch.bernoulli(shares.expand(*x.shape[:2], -1))), -1)

    def _zoned(self, before: list[Tensor], after: list[Tensor], kept: Tensor | None) -> list[Tensor]:
        zoned, at = [], 0
        for p, old, new in zip(self.shares, before, after, strict=True):
            size = prod(new.shape[1:])
            if p == 0:
                zoned.append(new)
            elif kept is None:
                zoned.append(p * old + (1 - p) * new)
            else:
                zoned.append(torch.where(kept[:, at : at + size].reshape(new.shape) > 0, old, new))
            at += size
        return zoned


def over_events(cell: nn.Module, x: Tensor) -> Tensor:
    """What the steps of a cell take, [T, B, ...], where the events are x; drawn, where something is drawn for each."""
    while isinstance(cell, CellWrapper):
        if isinstance(cell, Zoneout):
            return cell.accompanied(x)
        cell = cell.cell
    return x
