"""Sequences turned round in time, each from its own last event on."""

import torch
from torch import Tensor

from ...compiler.ragged import reversed_steps


class Turning:
    """Turns what is laid out as the events: of every sequence, event t and event length - 1 - t change places.

    What lies past the end of a sequence stays where it is. Turning twice gives what was there before.

    x        the events, [T, B, ...] or [B, T, ...], [T, I] without a batch
    lengths  [B], [1] without a batch; None where every sequence has T events
    """

    def __init__(self, x: Tensor, lengths: Tensor | None, batched: bool, batch_first: bool) -> None:
        self._time = 1 if batched and batch_first else 0
        self._leading = 2 if batched else 1
        self._rows: Tensor | None = None
        if lengths is None:
            return
        steps = x.shape[self._time]
        order = reversed_steps(steps, lengths.to(x.device))  # [T, B]
        if not batched:
            self._rows = order[:, 0]
            return
        batch = x.shape[1 - self._time]
        example = torch.arange(batch, device=x.device)
        rows = example * steps + order if self._time == 1 else order * batch + example
        self._rows = (rows.T if self._time == 1 else rows).flatten()

    def __call__(self, values: Tensor) -> Tensor:
        """Events, outputs, or anything else laid out as they are."""
        if self._rows is None:
            return values.flip(self._time)
        flat = values.reshape(-1, *values.shape[self._leading :])
        return flat.index_select(0, self._rows).reshape(values.shape)

    def resets(self, resets: Tensor) -> Tensor:
        """The marks of the turned sequence: what begins anew at t ends, turned, before the event t - 1."""
        turned = self(resets)
        first = torch.zeros_like(turned.narrow(self._time, 0, 1))
        return torch.cat((first, turned.narrow(self._time, 0, turned.shape[self._time] - 1)), self._time)
