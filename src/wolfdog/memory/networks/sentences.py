"""Sentences as vectors, and when they were said, for memory networks over words."""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from .hops import SPREAD


@dataclass(frozen=True)
class BagOfWords:
    """A sentence is the sum of its words' vectors: the order of the words is lost.

        m = sum_j A x_j

    Source: Sukhbaatar et al. 2015, section 4.1.

    >>> BagOfWords().shares(torch.tensor([[7, 4, 0]]), torch.float32)
    tensor([[[1., 1., 0.]]])
    """

    def shares(self, words: Tensor, dtype: torch.dtype) -> Tensor:
        """Of words' numbers [..., W]: what their vectors are multiplied with and summed by, [..., sums, W]."""
        return (words != 0).to(dtype)[..., None, :]

    def joined(self, sums: Tensor) -> Tensor:
        """Sentences [..., d] of the sums [..., sums, d]."""
        return sums[..., 0, :]


@dataclass(frozen=True)
class PositionEncoding:
    """A sentence is a sum of its words' vectors in which the order of the words shows.

        m = sum_j l_j * A x_j,    l_kj = (1 - j / J) - (k / d) (1 - 2 j / J)

    for word j of J and feature k of d, both counted from 1. Source: Sukhbaatar et al. 2015, section 4.1.

    Features differ by a line in k: two sums over the words tell them all.

    >>> encoding, words = PositionEncoding(), torch.tensor([7, 4, 0])  # of two words: nothing stands third
    >>> shares = encoding.shares(words, torch.float32)
    >>> encoding.joined(shares @ torch.eye(3, 4))  # the vectors of the words: [1, 0, 0, 0], [0, 1, 0, 0], ...
    tensor([0.5000, 0.5000, 0.0000, 0.0000])
    """

    def shares(self, words: Tensor, dtype: torch.dtype) -> Tensor:
        """As `BagOfWords.shares`."""
        there = words != 0
        place = there.cumsum(-1).to(dtype) / there.sum(-1, keepdim=True).clamp(min=1)  # j / J
        return torch.stack((1 - place, 1 - 2 * place), -2) * there[..., None, :]

    def joined(self, sums: Tensor) -> Tensor:
        """As `BagOfWords.joined`."""
        level, slope = sums.unbind(-2)
        d = sums.shape[-1]
        return level - torch.arange(1, d + 1, device=sums.device, dtype=sums.dtype) / d * slope


Encoding: TypeAlias = BagOfWords | PositionEncoding


@dataclass(frozen=True)
class TemporalEncoding:
    """It is learned what it means that a sentence was the last, the last but one, ...: T^A and T^C of `Hops`.

    capacity  how many sentences are held, the newest ones; older ones are forgotten
    noise     in training, after each sentence an empty one is put in with this probability ("random noise")

    Source: Sukhbaatar et al. 2015, section 4.1. Raises InputError for a capacity that is no positive whole number,
    and for a noise that is no number from 0 to 1.

    >>> TemporalEncoding(50).ages(torch.tensor([True, True, False, True]), training=False)[0]
    tensor([2, 1, 1, 0])
    """

    capacity: int
    noise: float = 0.0

    def __post_init__(self) -> None:
        positive("capacity", self.capacity)
        if not 0 <= self.noise <= 1:
            raise InputError(f"TemporalEncoding: noise must be a number from 0 to 1; got {self.noise!r}")

    def ages(self, held: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """How many sentences came later, [..., n], and which are there, [..., n], of sentences held [..., S].

        n is S; or 2 S in training with noise: behind the sentences come the empty ones.
        """
        if not (training and self.noise):
            return _later(held), held
        empty = held & (torch.rand(held.shape, device=held.device) < self.noise)
        both = torch.stack((held, empty), -1)
        return _later(both.flatten(-2)).view(both.shape).transpose(-1, -2).flatten(-2), torch.cat(
            (held, empty), -1
        )


class Sentences(nn.Module):
    """Sentences of words' numbers [..., W], 0 where there is no word, as vectors [..., d], by each of several tables.

    E [tables, vocabulary, d] holds the words' vectors: the columns of A_1, A_2, ... are the rows of E[0], E[1], ...
    """

    def __init__(
        self,
        vocabulary: int,
        tables: int,
        size: int,
        encoding: Encoding,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoding, Encoding):
            raise InputError(f"encoding must be BagOfWords() or PositionEncoding(); got {encoding!r}")
        self.encoding = encoding
        self.E = nn.Parameter(
            torch.empty(tables, positive("vocabulary", vocabulary), size, device=device, dtype=dtype)
        )
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal numbers, with a standard deviation of 0.1."""
        nn.init.normal_(self.E, std=SPREAD)

    def forward(self, words: Tensor, tables: int | None = None) -> list[Tensor]:
        """By all tables, or by the first so many."""
        E = self.E[:tables]
        side_by_side = E.transpose(0, 1).flatten(1)  # [vocabulary, tables * d]: one product for all of them
        sums = self.encoding.shares(words, E.dtype) @ embedding(words, side_by_side)
        by_table = sums.view(*sums.shape[:-1], len(E), E.shape[2]).movedim(-2, 0)
        return [self.encoding.joined(one) for one in by_table.unbind()]

    def extra_repr(self) -> str:
        tables, vocabulary, size = self.E.shape
        return f"{vocabulary}, {size}, tables={tables}, {self.encoding!r}"


def check_numbers(name: str, numbers: Tensor, layout: str, below: int, what: str) -> None:
    """Raises ShapeError for other than whole numbers so laid out, InputError for numbers that stand for nothing."""
    if numbers.dim() != layout.count(",") + 1 or numbers.dtype not in (torch.int64, torch.int32):
        raise ShapeError(
            f"{name} must be [{layout}], numbers of {what} (torch.int64); got {described(numbers)}"
        )
    if numbers.numel() and (int(numbers.min()) < 0 or int(numbers.max()) >= below):
        raise InputError(
            f"{name} must be numbers of {what}, from 0 to {below - 1}; got some from {int(numbers.min())} to "
            f"{int(numbers.max())}"
        )


def _later(held: Tensor) -> Tensor:
    """How many come behind each, [..., S]."""
    return held.flip(-1).cumsum(-1).flip(-1) - held.long()
