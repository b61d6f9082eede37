"""Sentence encodings of memory networks: word vectors summed, positions of words, ages of sentences."""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from .hops import INIT_STD


@dataclass(frozen=True)
class BagOfWords:
    """Bag-of-words encoding: a sentence is the sum of its word vectors.

        m = sum_j A x_j

    Source: Sukhbaatar et al. 2015, "End-to-end memory networks", section 4.1.

    Examples:
        >>> BagOfWords().coefficients(torch.tensor([[7, 4, 0]]), torch.float32)
        tensor([[[1., 1., 0.]]])
    """

    def coefficients(self, words: Tensor, dtype: torch.dtype) -> Tensor:
        """Coefficients of the word vectors in each sum.

        Args:
            words: Word indices [..., W].
            dtype: Type of the coefficients.

        Returns:
            Coefficients [..., sums, W].
        """
        return (words != 0).to(dtype)[..., None, :]

    def combined(self, sums: Tensor) -> Tensor:
        """Sentence vectors [..., d] from the sums [..., sums, d]."""
        return sums[..., 0, :]


@dataclass(frozen=True)
class PositionEncoding:
    """Position encoding: a weighted sum of word vectors that depends on the order of the words.

        m = sum_j l_j * A x_j,    l_kj = (1 - j / J) - (k / d) (1 - 2 j / J)

    for word j of J and feature k of d, both counted from 1. The weights are linear in k, so two sums over the words are
    sufficient.

    Source: Sukhbaatar et al. 2015, "End-to-end memory networks", section 4.1.

    Examples:
        >>> encoding, words = PositionEncoding(), torch.tensor([7, 4, 0])  # two words; the third place is empty
        >>> coefficients = encoding.coefficients(words, torch.float32)
        >>> encoding.combined(coefficients @ torch.eye(3, 4))  # word vectors [1, 0, 0, 0], [0, 1, 0, 0], ...
        tensor([0.5000, 0.5000, 0.0000, 0.0000])
    """

    def coefficients(self, words: Tensor, dtype: torch.dtype) -> Tensor:
        """Coefficients of the word vectors in each sum.

        Args:
            words: Word indices [..., W].
            dtype: Type of the coefficients.

        Returns:
            Coefficients [..., sums, W].
        """
        present = words != 0
        place = present.cumsum(-1).to(dtype) / present.sum(-1, keepdim=True).clamp(min=1)  # j / J
        return torch.stack((1 - place, 1 - 2 * place), -2) * present[..., None, :]

    def combined(self, sums: Tensor) -> Tensor:
        """Sentence vectors, as of `BagOfWords.combined`."""
        level, slope = sums.unbind(-2)
        d = sums.shape[-1]
        return level - torch.arange(1, d + 1, device=sums.device, dtype=sums.dtype) / d * slope


Encoding: TypeAlias = BagOfWords | PositionEncoding


@dataclass(frozen=True)
class TemporalEncoding:
    """Learned embeddings of the ages of sentences, T^A and T^C of `Hops`.

    Source: Sukhbaatar et al. 2015, "End-to-end memory networks", section 4.1.

    Args:
        capacity: Number of visible sentences, the newest ones.
        noise: Probability of an empty sentence after each sentence in training ("random noise").

    Raises:
        InputError: The capacity is not a positive integer, or the noise is not in 0..1.

    Examples:
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
        """Ages of sentences, 0 for the newest.

        Args:
            held: Booleans [..., S]: True for sentences.
            training: Whether empty sentences are inserted.

        Returns:
            Ages [..., n] and booleans [..., n] for sentences; n is S, or 2 S in training with noise: the empty ones are
            last.
        """
        if not (training and self.noise):
            return _count_later(held), held
        empty = held & (torch.rand(held.shape, device=held.device) < self.noise)
        both = torch.stack((held, empty), -1)
        return _count_later(both.flatten(-2)).view(both.shape).transpose(-1, -2).flatten(-2), torch.cat(
            (held, empty), -1
        )


class Sentences(nn.Module):
    """Embedding of sentences of word indices [..., W], 0 for no word, as vectors [..., d] by each of several tables.

    E [tables, vocabulary, d] holds the word vectors: the columns of A_1, A_2, ... are the rows of E[0], E[1], ...
    """

    def __init__(
        self,
        vocabulary: int,
        tables: int,
        size: int,
        encoding: Encoding,
        *,
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
        """Initialise: normal random numbers with standard deviation 0.1."""
        nn.init.normal_(self.E, std=INIT_STD)

    def forward(self, words: Tensor, tables: int | None = None) -> list[Tensor]:
        """Sentence vectors by all tables, or by the first `tables`."""
        E = self.E[:tables]
        columns = E.transpose(0, 1).flatten(1)  # [vocabulary, tables * d]: one lookup for all tables
        sums = self.encoding.coefficients(words, E.dtype) @ embedding(words, columns)
        by_table = sums.view(*sums.shape[:-1], len(E), E.shape[2]).movedim(-2, 0)
        return [self.encoding.combined(one) for one in by_table.unbind()]

    def extra_repr(self) -> str:
        tables, vocabulary, size = self.E.shape
        return f"{vocabulary}, {size}, tables={tables}, {self.encoding!r}"


def check_indices(name: str, indices: Tensor, layout: str, count: int, kind: str) -> None:
    """Check of indices.

    Args:
        name: Name of the argument.
        indices: The indices.
        layout: Its dimensions, such as "B, S, W".
        count: Number of possible indices.
        kind: Name of the indexed objects, such as "words".

    Raises:
        ShapeError: The type or the number of dimensions is wrong.
        InputError: An index is out of range.
    """
    if indices.dim() != layout.count(",") + 1 or indices.dtype not in (torch.int64, torch.int32):
        raise ShapeError(
            f"{name} must be [{layout}], indices of {kind} (torch.int64); got {described(indices)}"
        )
    if indices.numel() and (int(indices.min()) < 0 or int(indices.max()) >= count):
        raise InputError(
            f"{name} must be indices of {kind}, from 0 to {count - 1}; got {int(indices.min())} to "
            f"{int(indices.max())}"
        )


def _count_later(held: Tensor) -> Tensor:
    """Number of True values behind each place, [..., S]."""
    return held.flip(-1).cumsum(-1).flip(-1) - held.long()
