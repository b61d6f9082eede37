"""Layouts of sequences in memory, and their view for kernels: [T, B, ...] from step 0, in either direction."""

from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ...compiler.batched import differentiable
from ...compiler.ragged import reversed_steps


class Layout(Protocol):
    """Layout of the given events x, and the conversion of events, outputs and states to the kernels' layout and back.

    `lengths` [B] are in descending order, or None. `ragged` says whether sequences end at different steps.
    """

    x: Tensor
    batch: int
    lengths: Tensor | None
    ragged: bool

    def states(self, given: list[Tensor]) -> list[Tensor]: ...

    def events(self, x: Tensor, backwards: bool) -> Tensor: ...

    def outputs(self, y: Tensor, backwards: bool) -> Tensor: ...

    def result(self, y: Tensor, last: list[Tensor]) -> tuple[Any, list[Tensor]]: ...


class Whole:
    """Layout in which every sequence has T events: [T, B, I], [B, T, I] with the batch first, or [T, I] without one."""

    lengths: Tensor | None = None
    ragged = False

    def __init__(self, events: Tensor, batch_first: bool) -> None:
        self.batched, self.batch_first = events.dim() == 3, batch_first
        if not self.batched:
            events = events.unsqueeze(1)
        elif batch_first:
            events = events.transpose(0, 1)
        self.x, self.batch = events, events.shape[1]

    def states(self, given: list[Tensor]) -> list[Tensor]:
        """Initial states, [layers * directions, B, H] each."""
        return given if self.batched else [state.unsqueeze(1) for state in given]

    def events(self, x: Tensor, backwards: bool) -> Tensor:
        """Events in the kernels' layout; the last one first for the backward direction."""
        return x.flip(0) if backwards else x

    def outputs(self, y: Tensor, backwards: bool) -> Tensor:
        """Outputs at the steps of their events."""
        return y.flip(0) if backwards else y

    def result(self, y: Tensor, last: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Outputs and last states in the form of what was given."""
        if not self.batched:
            return y.squeeze(1), [state.squeeze(1) for state in last]
        return y.transpose(0, 1) if self.batch_first else y, last


class Packed:
    """Layout of a PackedSequence, whose data [N, I] are, for each step, the events of the sequences still running."""

    def __init__(self, events: PackedSequence) -> None:
        self.given, self.x = events, events.data
        sizes = events.batch_sizes  # [T], falling
        self.steps, self.batch = len(sizes), int(sizes[0])
        self.running = torch.arange(self.batch, device="cpu") < sizes[:, None]  # [T, B]
        self.lengths: Tensor | None = self.running.sum(0)
        self.ragged = int(sizes[-1]) < self.batch

    def states(self, given: list[Tensor]) -> list[Tensor]:
        """Initial states in the order of the packed sequences, the longest first."""
        order = self.given.sorted_indices
        return given if order is None else [state.index_select(1, order) for state in given]

    def result(self, y: Tensor, last: list[Tensor]) -> tuple[PackedSequence, list[Tensor]]:
        """Outputs packed as the events are, and last states in the order of the given ones."""
        _, sizes, order, back = self.given
        states = last if back is None else [state.index_select(1, back) for state in last]
        return PackedSequence(y, sizes, order, back), states

    @cached_property
    def _rows(self) -> Tensor:
        """Row in [T * B] of every event."""
        return self.running.flatten().nonzero().squeeze(1)

    @cached_property
    def _backwards(self) -> Tensor:
        """Row in [T * B] of every event, where each sequence begins at its own last event."""
        steps = reversed_steps(self.steps, self.running.sum(0))
        return (steps * self.batch + torch.arange(self.batch, device="cpu")).flatten()[self._rows]

    def events(self, x: Tensor, backwards: bool) -> Tensor:
        """Events, from [N, I] to [T, B, I]."""
        rows = self._backwards if backwards else self._rows
        spread = _spread(x, rows, self.steps * self.batch)
        return spread.view(self.steps, self.batch, *x.shape[1:])

    def outputs(self, y: Tensor, backwards: bool) -> Tensor:
        """Outputs, from [T, B, H] to [N, H]."""
        return _gather(y.flatten(0, 1), self._backwards if backwards else self._rows)


def _spread(x: Tensor, rows: Tensor, count: int) -> Tensor:
    """Tensor of zeros with the given rows written to their positions."""
    if differentiable(x):
        found: Tensor = _Spread.apply(x, rows, count)  # type: ignore[no-untyped-call]
        return found
    return x.new_zeros(count, *x.shape[1:]).index_copy_(0, rows, x)


def _gather(y: Tensor, rows: Tensor) -> Tensor:
    """Rows read from their positions; the inverse of _spread."""
    if differentiable(y):
        found: Tensor = _Gather.apply(y, rows)  # type: ignore[no-untyped-call]
        return found
    return y.index_select(0, rows)


class _Spread(torch.autograd.Function):
    """Differentiable _spread: each position occurs once, which PyTorch's own gradient does not assume."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, count: int) -> Tensor:
        ctx.rows = rows
        return _spread(x, rows, count)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _gather(gradients[0], ctx.rows), None, None


class _Gather(torch.autograd.Function):
    """Differentiable _gather."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, rows: Tensor) -> Tensor:
        ctx.rows, ctx.count = rows, len(y)
        return _gather(y, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _spread(gradients[0], ctx.rows, ctx.count), None
