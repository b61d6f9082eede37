"""Base classes of memory networks that read by `Hops`."""

from torch import Tensor

from ...cells.cell import positive
from .hops import Hops, NormalInit
from .sentences import check_indices


class HopNetwork(NormalInit):
    """Base class of networks with one `Hops` among their submodules."""

    @property
    def linear(self) -> bool:
        """Whether the softmaxes over entries are left out, as of `Hops`."""
        return self._hops().linear

    @linear.setter
    def linear(self, value: bool) -> None:
        self._hops().linear = value

    def _hops(self) -> Hops:
        (hops,) = (module for module in self.children() if isinstance(module, Hops))
        return hops


class WordNetwork(HopNetwork):
    """Base class of networks that answer questions of words.

    Args:
        vocabulary: Number of word indices.
        answers: Number of answers; None for one answer for each word.

    Raises:
        InputError: A number is not a positive integer.
    """

    def __init__(self, vocabulary: int, answers: int | None) -> None:
        super().__init__()
        self.vocabulary = positive("vocabulary", vocabulary)
        self.answers = self.vocabulary if answers is None else positive("answers", answers)

    def extra_repr(self) -> str:
        return f"{self.vocabulary}, answers={self.answers}"

    def _check_words(self, **words: tuple[str, Tensor]) -> None:
        """Check word indices, given by name as their layout and the tensor; errors are those of `check_indices`."""
        for name, (layout, indices) in words.items():
            check_indices(name, indices, layout, self.vocabulary, "words")
