"""Zoneout: state features that randomly keep their previous value."""

from math import prod

import torch
from torch import Tensor, nn

from ...errors import InputError
from .arguments import check_probability
from .protocol import output_and_state, result_form
from .state import State, rebuilt, tensors
from .wrapper import CellWrapper


class Zoneout(CellWrapper):
    """Cell with zoneout: at each step, random features of the state keep their previous value.

        in training     s_t = d_t * s_{t-1} + (1 - d_t) * cell(x_t, s_{t-1})           d_t = Bernoulli(p)
        in eval mode    s_t = p * s_{t-1} + (1 - p) * cell(x_t, s_{t-1})

    for every tensor s of the state. The output is the first of them, unless the cell has a separate output.

    A layer draws d for all steps of a call at once, [T, B, H] for every tensor of the state, and passes them to the
    steps with the events. The same seed thus gives the same d on every backend.

    Source: Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden activations", which
    recommends (0.05, 0.5) for LSTMs.

    Args:
        cell: Any cell with an initial state and an `input_size`.
        states: Probability p for all tensors of the state, or a tuple with one for each: (h, c) of an LSTM.

    Raises:
        InputError: A probability is not in [0, 1), their number is wrong, or the cell has no `input_size`.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.Zoneout(wd.cells.LSTMCell(3, 5), states=(0.05, 0.5)))
        >>> layer(torch.zeros(7, 2, 3))[0].shape
        torch.Size([7, 2, 5])
    """

    def __init__(self, cell: nn.Module, *, states: float | tuple[float, ...] = 0.1) -> None:
        super().__init__(cell)
        parts = list(tensors(self.initial_state(1)))
        probabilities = states if isinstance(states, tuple) else (states,) * len(parts)
        if len(probabilities) != len(parts):
            raise InputError(
                f"Zoneout: states must be one probability, or {len(parts)}, one for each tensor of the state of "
                f"{type(cell).__name__}; got {states!r}"
            )
        self.probabilities = tuple(check_probability("states", one) for one in probabilities)
        if not isinstance(self.input_size, int):
            raise InputError(f"Zoneout needs an attribute input_size of {type(cell).__name__}")
        if any(isinstance(module, Zoneout) for module in cell.modules()):
            raise InputError("Zoneout: its inner cell already has a Zoneout")

    def forward(self, event: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        before = self._previous_state(event, state)
        kept = None
        if self.training:
            if event.shape[-1] == self.input_size:  # a step called directly, without masks
                event = self.with_masks(event.unsqueeze(0)).squeeze(0)
            event, kept = event[:, : self.input_size], event[:, self.input_size :]
        result = self.cell(event, before)
        returns = result_form(self.cell, before, result)
        output, after = output_and_state(self.cell, returns, result)
        zoned = self._zoned(list(tensors(before)), list(tensors(after)), kept)
        return zoned[0] if returns == "state" else output, rebuilt(after, zoned)

    def extra_repr(self) -> str:
        return f"states={self.probabilities}"

    def with_masks(self, x: Tensor) -> Tensor:
        """Events with the masks of their steps appended in training; events alone in evaluation mode.

        Args:
            x: Events [T, B, I].

        Returns:
            Events [T, B, I + features of the state], or [T, B, I].
        """
        if not self.training:
            return x
        parts = list(tensors(self.initial_state(1)))
        probabilities = torch.cat(
            [
                x.new_full((prod(part.shape[1:]),), p)
                for part, p in zip(parts, self.probabilities, strict=True)
            ]
        )
        return torch.cat((x, torch.bernoulli(probabilities.expand(*x.shape[:2], -1))), -1)

    def _zoned(self, before: list[Tensor], after: list[Tensor], kept: Tensor | None) -> list[Tensor]:
        zoned, at = [], 0
        for p, old, new in zip(self.probabilities, before, after, strict=True):
            size = prod(new.shape[1:])
            if p == 0:
                zoned.append(new)
            elif kept is None:
                zoned.append(p * old + (1 - p) * new)
            else:
                zoned.append(torch.where(kept[:, at : at + size].reshape(new.shape) > 0, old, new))
            at += size
        return zoned


def with_step_masks(cell: nn.Module, x: Tensor) -> Tensor:
    """Inputs of a cell's steps [T, B, ...]: events x, with appended masks if the cell draws some for each step."""
    while isinstance(cell, CellWrapper):
        if isinstance(cell, Zoneout):
            return cell.with_masks(x)
        cell = cell.cell
    return x
