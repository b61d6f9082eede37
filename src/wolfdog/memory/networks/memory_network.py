"""End-to-end memory network over sentences of words."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...errors import InputError, ShapeError
from ...layers.cell.arguments import described
from .hop_network import WordNetwork
from .hops import Hops
from .sentences import Encoding, PositionEncoding, Sentences, TemporalEncoding, check_indices
from .tying import Adjacent, LayerWise, Tying


class MemoryNetwork(WordNetwork):
    """End-to-end memory network: repeated attention of a question over the sentences of a story.

        m_ki = A_k x_i,   c_ki = C_k x_i,   u_1 = B q              sentences and question by `encoding`
        p_k  = softmax_i(u_k . (m_ki + T^A_k[age_i]))              ages by `temporal`; hops as in `Hops`
        logits = W u_{K+1}

    `Adjacent()` ties A_{k+1} = C_k, B = A_1 and, if answers are words, W^T = C_K. `LayerWise()` has one A, one C, a
    matrix H between the hops, and separate B and W.

    Source: Sukhbaatar, Szlam, Weston and Fergus 2015, "End-to-end memory networks".

    Args:
        vocabulary: Number of word indices; index 0 stands for no word.
        size: Features of a memory, d.
        hops: Number of reads, K.
        answers: Number of answers; None for one answer for each word.
        tying: `Adjacent()` or `LayerWise()`; None is `Adjacent()`.
        encoding: `PositionEncoding()` or `BagOfWords()`; None is `PositionEncoding()`.
        temporal: `TemporalEncoding(capacity, noise)`; None for no information on the order of sentences.
        activation: f, applied to the controller after each hop, for example torch.relu; None for the identity.
        linear: As of `Hops`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or an option is of another type.

    Examples:
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
        *,
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
        super().__init__(vocabulary, answers)
        tying = Adjacent() if tying is None else tying
        if not isinstance(tying, Adjacent | LayerWise):
            raise InputError(
                f"tying must be Adjacent() or LayerWise(); got {tying!r}. For keys and values use KeyValueMemoryNetwork"
            )
        if temporal is not None and not isinstance(temporal, TemporalEncoding):
            raise InputError(f"temporal must be TemporalEncoding(capacity, noise) or None; got {temporal!r}")
        encoding = PositionEncoding() if encoding is None else encoding
        capacity = None if temporal is None else temporal.capacity
        self.temporal = temporal
        self.hops = Hops(
            size,
            hops=hops,
            tying=tying,
            capacity=capacity,
            activation=activation,
            linear=linear,
            device=device,
            dtype=dtype,
        )
        self.entries = Sentences(vocabulary, self.hops.tables, size, encoding, device=device, dtype=dtype)
        own = isinstance(tying, LayerWise)
        self.questions = Sentences(vocabulary, 1, size, encoding, device=device, dtype=dtype) if own else None
        W = torch.empty(self.answers, size, device=device, dtype=dtype)
        self.W: nn.Parameter | None
        self.register_parameter("W", None if answers is None and not own else nn.Parameter(W))
        self.reset_parameters()

    def forward(
        self,
        stories: Tensor,
        questions: Tensor,
        *,
        sentences: Tensor | None = None,
        need_weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Answer questions.

        Args:
            stories: Word indices [B, S, W], the newest sentence last; 0 for no word, and a sentence without words is
                ignored.
            questions: Word indices [B, Q].
            sentences: Word indices [N, W] of distinct sentences; stories are then indices of sentences [B, S], and each
                sentence is embedded once.
            need_weights: Whether to return the weights.

        Returns:
            Logits [B, answers], or (logits, weights) with weights [B, K, S] of every hop.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: An index is out of range.
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
        u, weights = self.hops(u[:, None], memories, held=held[:, None], ages=ages, empty=empty, rows=rows)
        logits = linear(u[:, 0], self.entries.E[-1] if self.W is None else self.W)
        return (logits, weights[:, 0, :, : stories.shape[1]]) if need_weights else logits

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.temporal is None else f", {self.temporal!r}")

    def _check(self, stories: Tensor, questions: Tensor, sentences: Tensor | None) -> None:
        if sentences is None:
            self._check_words(stories=("B, S, W", stories))
        else:
            self._check_words(sentences=("N, W", sentences))
            check_indices("stories", stories, "B, S", len(sentences), "sentences")
        self._check_words(questions=("B, Q", questions))
        if len(stories) != len(questions):
            raise ShapeError(
                f"stories and questions must be of one batch; got {described(stories)} and {described(questions)}"
            )
