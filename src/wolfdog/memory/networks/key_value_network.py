"""Memory networks whose entries are looked through by one thing and read as another."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...errors import ShapeError
from ...layers.cell.arguments import described
from .hops import Hops
from .over_hops import OverHops
from .sentences import BagOfWords, Encoding, Sentences, check_numbers
from .tying import KeyValue


class KeyValueMemoryNetwork(OverHops):
    """A key-value memory network: a question is held against keys, and what is read are their values.

        p_i   = softmax_i(q_k . A key_i)                  keys, values and question by `encoding`, with one A
        o_k   = sum_i p_i A value_i
        q_{k+1} = f(R_k (q_k + o_k)),   q_1 = A question
        logits  = B q_{K+1}

    A fact of a knowledge base is a key of subject and relation, and a value of the object; a text is a key of a window
    of words, and a value of the word in its middle.

    vocabulary  how many numbers of words there are, 0 among them, which stands for no word
    size        features of a memory, d
    hops        how many times it reads, K
    answers     how many answers there are, the rows of B; None: they are the words
    encoding    `BagOfWords()` unless given, or `PositionEncoding()`
    activation  f, applied to the controller after each hop, as torch.relu; None: nothing
    linear      without the softmaxes over entries, an attribute, as `Hops` has it

    Source: Miller, Fisch, Dodge, Karimi, Bordes and Weston 2016, "Key-value memory networks for directly reading
    documents". Raises InputError for sizes that are no positive whole numbers, and for options of the wrong type.

    >>> network = KeyValueMemoryNetwork(vocabulary=30, size=20, hops=2)
    >>> keys, values, questions = (torch.randint(1, 30, shape) for shape in ((4, 9, 2), (4, 9, 1), (4, 3)))
    >>> network(keys, values, questions).shape
    torch.Size([4, 30])
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        hops: int = 2,
        answers: int | None = None,
        encoding: Encoding | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        encoding = BagOfWords() if encoding is None else encoding
        self.vocabulary = positive("vocabulary", vocabulary)
        self.answers = vocabulary if answers is None else positive("answers", answers)
        self.hops = Hops(size, hops, KeyValue(), None, activation, linear, device, dtype)
        self.entries = Sentences(vocabulary, 1, size, encoding, device, dtype)
        self.B = nn.Parameter(torch.empty(self.answers, size, device=device, dtype=dtype))
        self.reset_parameters()

    def forward(
        self, keys: Tensor, values: Tensor, questions: Tensor, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The logits of the answers [B, answers]; or (logits, weights), with weights [B, K, S] of every hop.

        keys       [B, S, W] numbers of words, 0 where there is no word; a key without words is no entry
        values     [B, S, V] numbers of words, questions [B, Q] likewise

        Raises ShapeError for a wrong shape or dtype, InputError for numbers that stand for no word.
        """
        check_numbers("keys", keys, "B, S, W", self.vocabulary, "words")
        check_numbers("values", values, "B, S, V", self.vocabulary, "words")
        check_numbers("questions", questions, "B, Q", self.vocabulary, "words")
        if keys.shape[:2] != values.shape[:2] or len(keys) != len(questions):
            raise ShapeError(
                "keys and values must be as many, and in a batch as large as that of the questions; got "
                f"{described(keys)}, {described(values)} and {described(questions)}"
            )
        memories = [*self.entries(keys), *self.entries(values)]
        [u] = self.entries(questions)
        u, weights = self.hops(u[:, None], memories, (keys != 0).any(-1)[:, None])
        logits = linear(u[:, 0], self.B)
        return (logits, weights[:, 0]) if need_weights else logits

    def extra_repr(self) -> str:
        return f"{self.vocabulary}, answers={self.answers}"
