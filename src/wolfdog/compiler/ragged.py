"""Sequence lengths of a ragged batch: padding masks, reversal, and the descending order that kernels need."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SortedLengths:
    """Sequence lengths in descending order, with the permutation that sorted them.

    Attributes:
        lengths: Descending lengths, int64 `[B]`.
        order: For every sorted example, its index in the caller's batch, `[B]`; None where the caller's lengths
            descend already.
    """

    lengths: Tensor
    order: Tensor | None

    @classmethod
    def of(cls, lengths: Tensor) -> "SortedLengths":
        """Sorted form of lengths `[B]` in any order; equal lengths keep their order.

        >>> SortedLengths.of(torch.tensor([1, 3, 2]))
        SortedLengths(lengths=tensor([3, 2, 1]), order=tensor([1, 2, 0]))
        """
        lengths = lengths.to(torch.int64)  # the format that kernels read
        descending, order = torch.sort(lengths, descending=True, stable=True)
        return cls(descending, None if torch.equal(descending, lengths) else order)

    def sort(self, tensor: Tensor) -> Tensor:
        """Examples `[B, ...]` in sorted order, from the caller's order."""
        return tensor if self.order is None else tensor.index_select(0, self.order)

    def unsort(self, tensor: Tensor) -> Tensor:
        """Examples `[B, ...]` in the caller's order, from sorted order."""
        return tensor if self.order is None else torch.empty_like(tensor).index_copy_(0, self.order, tensor)

    def valid_rows(self, steps: int) -> tuple[Tensor, Tensor]:
        """Indices of the rows of `[steps * B, ...]` that belong to a sequence, in sorted and in the caller's order.

        >>> SortedLengths.of(torch.tensor([1, 2])).valid_rows(2)
        (tensor([0, 1, 2]), tensor([1, 0, 3]))
        """
        batch = len(self.lengths)
        running = torch.arange(steps, device="cpu")[:, None] < self.lengths
        rows = running.view(-1).nonzero().view(-1)
        if self.order is None:
            return rows, rows
        return rows, rows + (self.order - torch.arange(batch, device="cpu"))[rows % batch]


def padding_mask(steps: int, lengths: Tensor) -> Tensor:
    """Padding mask `[T, B]`: true from the end of each sequence on.

    >>> padding_mask(2, torch.tensor([2, 1]))
    tensor([[False, False],
            [False,  True]])
    """
    return torch.arange(steps, device=lengths.device)[:, None] >= lengths


def zero_padding(x: Tensor, lengths: Tensor) -> Tensor:
    """Events `[T, B, ...]` with zeros in the padding, so that no number there reaches a gradient.

    >>> zero_padding(torch.ones(2, 2), torch.tensor([2, 1]))
    tensor([[1., 1.],
            [1., 0.]])
    """
    return masked(x, padding_mask(x.shape[0], lengths.to(x.device)))


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """Zeros in `x` where a mask over its first axes is true."""
    return x.masked_fill(mask.view(*mask.shape, *(1,) * (x.dim() - mask.dim())), 0)


def reversed_steps(steps: int, lengths: Tensor) -> Tensor:
    """Step `[T, B]` that takes the place of each step when every sequence is reversed and its padding stays.

    >>> reversed_steps(3, torch.tensor([3, 2]))
    tensor([[2, 1],
            [1, 0],
            [0, 2]])
    """
    step = torch.arange(steps, device=lengths.device)[:, None]
    return torch.where(step < lengths, lengths - 1 - step, step)


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Events `[T, B, ...]` with every sequence reversed and its padding in place; the whole of `x` without lengths.

    >>> reverse(torch.tensor([[1, 4], [2, 5], [3, 0]]), torch.tensor([3, 2])).tolist()
    [[3, 5], [2, 4], [1, 0]]
    """
    if lengths is None:
        return x.flip(0)
    steps, batch = x.shape[:2]
    rows = reversed_steps(steps, lengths.to(x.device)) * batch + torch.arange(batch, device=x.device)
    return x.reshape(-1, *x.shape[2:]).index_select(0, rows.flatten()).reshape(x.shape)
