"""Reversal of sequences in time, each from its own last event."""

import torch
from torch import Tensor

from ...compiler.ragged import reversed_steps


class Reversal:
    """Reversal of a batch in time: in each sequence, events t and length - 1 - t are exchanged.

    Values past the end of a sequence keep their places. The reversal is its own inverse.

    Args:
        x: Events [T, B, ...] or [B, T, ...]; [T, I] without a batch.
        lengths: [B], or [1] without a batch; None for T events each.
        batched: Whether there is a batch.
        batch_first: Whether the batch comes before time.
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
        """Events, outputs, or any tensor in the layout of the events, reversed."""
        if self._rows is None:
            return values.flip(self._time)
        flat = values.reshape(-1, *values.shape[self._leading :])
        return flat.index_select(0, self._rows).reshape(values.shape)

    def resets(self, resets: Tensor) -> Tensor:
        """Resets of the reversed sequence: a reset before event t becomes one before event t - 1 in reversed order."""
        none = resets.new_zeros([1 if axis == self._time else size for axis, size in enumerate(resets.shape)])
        return torch.cat((none, self(resets)), self._time).narrow(self._time, 0, resets.shape[self._time])
