"""Where sequences of different lengths end, in the order that kernels take them: the longest first."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ends:
    """Lengths that fall, and which of the caller's examples each is.

    lengths  [B]
    order    [B], None where the caller's lengths fall themselves
    """

    lengths: Tensor
    order: Tensor | None

    @classmethod
    def of(cls, lengths: Tensor) -> "Ends":
        """Of whole numbers [B] in any order.

        >>> Ends.of(torch.tensor([1, 3, 2]))
        Ends(lengths=tensor([3, 2, 1]), order=tensor([1, 2, 0]))
        """
        lengths = lengths.to(torch.int64)  # as kernels read them
        falling, order = torch.sort(lengths, descending=True, stable=True)
        return cls(falling, None if torch.equal(falling, lengths) else order)

    def arranged(self, tensor: Tensor) -> Tensor:
        """The caller's examples [B, ...] in the kernels' order."""
        return tensor if self.order is None else tensor.index_select(0, self.order)

    def returned(self, tensor: Tensor) -> Tensor:
        """The kernels' examples [B, ...] in the caller's order."""
        return tensor if self.order is None else torch.empty_like(tensor).index_copy_(0, self.order, tensor)

    def rows(self, steps: int) -> tuple[Tensor, Tensor]:
        """Which of the steps * B rows of [steps, B, ...] belong to a sequence, in the kernels' order and the caller's.

        >>> Ends.of(torch.tensor([1, 2])).rows(2)
        (tensor([0, 1, 2]), tensor([1, 0, 3]))
        """
        batch = len(self.lengths)
        step, example = (~past_the_end(steps, self.lengths)).nonzero(as_tuple=True)
        mine = step * batch + example
        return mine, mine if self.order is None else step * batch + self.order[example]


def past_the_end(steps: int, lengths: Tensor) -> Tensor:
    """[T, B]: whether an example has ended before a step.

    >>> past_the_end(2, torch.tensor([2, 1]))
    tensor([[False, False],
            [False,  True]])
    """
    return torch.arange(steps, device=lengths.device)[:, None] >= lengths


def cleared(x: Tensor, lengths: Tensor) -> Tensor:
    """Events [T, B, ...] with zeros in the place of those past the end."""
    ended = past_the_end(x.shape[0], lengths)
    return x.masked_fill(ended.view(*ended.shape, *(1,) * (x.dim() - 2)), 0)
