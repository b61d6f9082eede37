"""End-to-end memory networks over sentences of words."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from .hops import Hops
from .over_hops import OverHops
from .sentences import Encoding, PositionEncoding, Sentences, TemporalEncoding, check_numbers
from .tying import Adjacent, LayerWise, Tying


class MemoryNetwork(OverHops):
    """An end-to-end memory network: a question is held against the sentences of a story, several times over.

        m_ki = A_k x_i,   c_ki = C_k x_i,   u_1 = B q              sentences and question by `encoding`
        p_k  = softmax_i(u_k . (m_ki + T^A_k[age_i]))              with ages by `temporal`; hops as `Hops` has them
        logits = W u_{K+1}

    `Adjacent()` ties A_{k+1} = C_k, B = A_1 and, where answers are words, W^T = C_K. `LayerWise()` has one A, one C, a
    matrix H between the hops, and B and W of their own.

    vocabulary  how many numbers of words there are, 0 among them, which stands for no word
    size        features of a memory, d
    hops        how many times it reads, K
    answers     how many answers there are; None: they are the words
    tying       `Adjacent()` unless given, or `LayerWise()`
    encoding    `PositionEncoding()` unless given, or `BagOfWords()`
    temporal    `TemporalEncoding(capacity, noise)`; None: the order of the sentences is not known
    activation  f, applied to the controller after each hop, as torch.relu; None: nothing
    linear      without the softmaxes over sentences, for a linear start: an attribute, as `Hops` has it

    Source: Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks".
    Raises InputError for sizes that are no positive whole numbers, and for options of the wrong type.

    >>> network = MemoryNetwork(vocabulary=30, size=20, temporal=TemporalEncoding(50, noise=0.1))
    >>> stories, questions = torch.randint(30, (4, 10, 6)), torch.randint(30, (4, 3))
    >>> logits, weights = network(stories, questions, need_weights=True)
    >>> logits.shape, weights.shape
    (torch.Size([4, 30]), torch.Size([4, 3, 10]))
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        hops: int = 3,
        answers: int | None = None,
        tying: Tying | None = None,
        encoding: Encoding | None = None,
        temporal: TemporalEncoding | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        tying = Adjacent() if tying is None else tying
        if not isinstance(tying, Adjacent | LayerWise):
            raise InputError(
                f"tying must be Adjacent() or LayerWise(); got {tying!r}. Keys and values: KeyValueMemoryNetwork"
            )
        if temporal is not None and not isinstance(temporal, TemporalEncoding):
            raise InputError(f"temporal must be TemporalEncoding(capacity, noise) or None; got {temporal!r}")
        encoding = PositionEncoding() if encoding is None else encoding
        capacity = None if temporal is None else temporal.capacity
        self.vocabulary, self.answers = positive("vocabulary", vocabulary), answers
        self.temporal = temporal
        self.hops = Hops(size, hops, tying, capacity, activation, linear, device, dtype)
        self.entries = Sentences(vocabulary, self.hops.tables, size, encoding, device, dtype)
        own = isinstance(tying, LayerWise)
        self.questions = Sentences(vocabulary, 1, size, encoding, device, dtype) if own else None
        rows = vocabulary if answers is None else positive("answers", answers)
        W = torch.empty(rows, size, device=device, dtype=dtype)
        self.W: nn.Parameter | None
        self.register_parameter("W", None if answers is None and not own else nn.Parameter(W))
        self.reset_parameters()

    def forward(
        self,
        stories: Tensor,
        questions: Tensor,
        sentences: Tensor | None = None,
        need_weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The logits of the answers [B, answers]; or (logits, weights), with weights [B, K, S] of every hop.

        stories    [B, S, W] numbers of words, the newest sentence last; 0 where there is no word, and a sentence
                   without words is none
        questions  [B, Q] numbers of words likewise
        sentences  [N, W] numbers of words, each sentence once: stories are then numbers of sentences [B, S], and each
                   is embedded once however often it is told

        Raises ShapeError for a wrong shape or dtype, InputError for numbers that stand for no word.
        """
        self._check(stories, questions, sentences)
        words = stories if sentences is None else sentences
        memories, held, rows = self.entries(words), (words != 0).any(-1), None
        if sentences is not None:
            held, rows = held[stories], stories[:, None]
        ages, empty = None, 0
        if self.temporal is not None:
            ages, held = self.temporal.ages(held, self.training)
            ages, empty = ages[:, None], held.shape[1] - stories.shape[1]
        [u] = self.entries(questions, 1) if self.questions is None else self.questions(questions)
        u, weights = self.hops(u[:, None], memories, held[:, None], ages, empty, rows)
        logits = linear(u[:, 0], self.entries.E[-1] if self.W is None else self.W)
        return (logits, weights[:, 0, :, : stories.shape[1]]) if need_weights else logits

    def extra_repr(self) -> str:
        shown = [str(self.vocabulary)] + ([] if self.answers is None else [f"answers={self.answers}"])
        return ", ".join(shown + ([] if self.temporal is None else [repr(self.temporal)]))

    def _check(self, stories: Tensor, questions: Tensor, sentences: Tensor | None) -> None:
        if sentences is None:
            check_numbers("stories", stories, "B, S, W", self.vocabulary, "words")
        else:
            check_numbers("sentences", sentences, "N, W", self.vocabulary, "words")
            check_numbers("stories", stories, "B, S", len(sentences), "sentences")
        check_numbers("questions", questions, "B, Q", self.vocabulary, "words")
        if len(stories) != len(questions):
            raise ShapeError(
                f"stories and questions must be as many; got {described(stories)} and {described(questions)}"
            )
