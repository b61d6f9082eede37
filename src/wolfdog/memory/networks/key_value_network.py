"""Key-value memory network over words."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...errors import ShapeError
from ...layers.cell.arguments import described
from .hop_network import WordNetwork
from .hops import Hops
from .sentences import BagOfWords, Encoding, Sentences
from .tying import KeyValue


class KeyValueMemoryNetwork(WordNetwork):
    """Key-value memory network: the question is matched with keys, and the values of the matching keys are read.

        p_i   = softmax_i(q_k . A key_i)                  keys, values and question by `encoding`, with one A
        o_k   = sum_i p_i A value_i
        q_{k+1} = f(R_k (q_k + o_k)),   q_1 = A question
        logits  = B q_{K+1}

    An entry may be a fact of a knowledge base, with subject and relation as the key and the object as the value, or a
    window of words as the key and its centre word as the value.

    Source: Miller, Fisch, Dodge, Karimi, Bordes and Weston 2016, "Key-value memory networks for directly reading
    documents".

    Args:
        vocabulary: Number of word indices; index 0 stands for no word.
        size: Features of a memory, d.
        hops: Number of reads, K.
        answers: Number of answers, the rows of B; None for one answer for each word.
        encoding: `BagOfWords()` or `PositionEncoding()`; None is `BagOfWords()`.
        activation: f, applied to the controller after each hop, for example torch.relu; None for the identity.
        linear: As of `Hops`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or an option is of another type.

    Examples:
        >>> network = KeyValueMemoryNetwork(vocabulary=30, size=20, hops=2)
        >>> keys, values, questions = (torch.randint(1, 30, shape) for shape in ((4, 9, 2), (4, 9, 1), (4, 3)))
        >>> network(keys, values, questions).shape
        torch.Size([4, 30])
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        *,
        hops: int = 2,
        answers: int | None = None,
        encoding: Encoding | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(vocabulary, answers)
        encoding = BagOfWords() if encoding is None else encoding
        self.hops = Hops(
            size,
            hops=hops,
            tying=KeyValue(),
            activation=activation,
            linear=linear,
            device=device,
            dtype=dtype,
        )
        self.entries = Sentences(vocabulary, 1, size, encoding, device=device, dtype=dtype)
        self.B = nn.Parameter(torch.empty(self.answers, size, device=device, dtype=dtype))
        self.reset_parameters()

    def forward(
        self, keys: Tensor, values: Tensor, questions: Tensor, *, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Answer questions.

        Args:
            keys: Word indices [B, S, W], 0 for no word; a key without words is not an entry.
            values: Word indices [B, S, V].
            questions: Word indices [B, Q].
            need_weights: Whether to return the weights.

        Returns:
            Logits [B, answers], or (logits, weights) with weights [B, K, S] of every hop.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: A word index is out of range.
        """
        self._check_words(keys=("B, S, W", keys), values=("B, S, V", values), questions=("B, Q", questions))
        if keys.shape[:2] != values.shape[:2] or len(keys) != len(questions):
            raise ShapeError(
                "keys and values must have the same number of entries and the batch of the questions; got "
                f"{described(keys)}, {described(values)} and {described(questions)}"
            )
        memories = [*self.entries(keys), *self.entries(values)]
        [u] = self.entries(questions)
        u, weights = self.hops(u[:, None], memories, held=(keys != 0).any(-1)[:, None])
        logits = linear(u[:, 0], self.B)
        return (logits, weights[:, 0]) if need_weights else logits
