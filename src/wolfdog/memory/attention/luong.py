"""Multiplicative attention, as Luong, Pham and Manning have it: three scores, and two ways to place it."""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...errors import InputError
from .additive import additive_energies, check_not_rotary
from .attention import Attention
from .past import Sight, softmax_over
from .positions import Position, Rotary


@dataclass(frozen=True)
class Dot:
    """score(x_t, m_s) = x_t . m_s"""


@dataclass(frozen=True)
class General:
    """score(x_t, m_s) = x_t . W_a m_s"""


@dataclass(frozen=True)
class Concat:
    """score(x_t, m_s) = v_a . tanh(W_a [x_t, m_s]), with hidden_size rows in W_a"""

    hidden_size: int

    def __post_init__(self) -> None:
        positive("Concat: hidden_size", self.hidden_size)


@dataclass(frozen=True)
class Global:
    """a_ts = softmax_s(score(x_t, m_s)) over all that is seen"""


@dataclass(frozen=True)
class LocalP:
    """Predictive alignment: attention looks around a place p_t that it foretells.

        p_t  = S_t sigmoid(v_p . tanh(W_p x_t))
        a_ts = softmax_s(score(x_t, m_s)) exp(-(s - p_t)^2 / (2 sigma^2)),    sigma = D / 2

    The softmax is over the entries with |s - p_t| <= D, D being `half_width`; the others have weight zero, and the
    weights are not made to sum to one again. S_t is how many entries are seen, and s counts them, 0 for the oldest. In
    the source that is the whole input sentence; over a layer's own past it is what the window holds at t.
    """

    half_width: int
    hidden_size: int

    def __post_init__(self) -> None:
        positive("LocalP: half_width", self.half_width)
        positive("LocalP: hidden_size", self.hidden_size)


Score: TypeAlias = Dot | General | Concat
Span: TypeAlias = Global | LocalP


class LuongAttention(Attention):
    """Multiplicative attention, over a layer's own past or over another sequence.

        a_ts = softmax_s(score(x_t, m_s))              score: Dot(), General() or Concat(hidden_size)
        c_t  = sum_s a_ts m_s
        y_t  = tanh(W_c [c_t, x_t])

    x_t is the event that asks, in the source the decoder's state, and m_s what is attended to, in the source a state
    of the encoder; over the layer's own past, m_s is an event x_s. With `span=LocalP(half_width, hidden_size)`,
    attention looks around a place that it foretells. There are no biases, as in the source.

    input_size   features of an event
    output_size  features of an output, as many as an event has unless given
    entry_size   features of what is attended to, as many as an event has unless given; Dot() needs as many
    window, position, batch_first, and the call  as `Attention` has them; `Rotary()` does not go with Concat

    Source: Luong, Pham and Manning 2015, "Effective approaches to attention-based neural machine translation".
    Raises InputError for sizes that are no positive whole numbers and for options that contradict each other.

    >>> attention = LuongAttention(4, score=General(), window=16, span=LocalP(half_width=2, hidden_size=4))
    >>> y, past = attention(torch.randn(6, 2, 4))
    >>> y.shape
    torch.Size([6, 2, 4])
    """

    def __init__(
        self,
        input_size: int,
        output_size: int | None = None,
        entry_size: int | None = None,
        score: Score = General(),
        span: Span = Global(),
        window: int | None = None,
        position: Position | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, entry_size, 1, window, position, batch_first)
        self.output_size = self.input_size if output_size is None else positive("output_size", output_size)
        self.score, self.span = score, span
        self._check_options()
        self.value_size = self.entry_size
        self.key_size = score.hidden_size if isinstance(score, Concat) else self.input_size

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        inputs, entries = self.input_size, self.entry_size
        if isinstance(score, General):
            self.W_a = parameter(inputs, entries)
        elif isinstance(score, Concat):
            self.W_a, self.v_a = parameter(score.hidden_size, inputs + entries), parameter(score.hidden_size)
        if isinstance(span, LocalP):
            self.W_p, self.v_p = parameter(span.hidden_size, inputs), parameter(span.hidden_size)
        self.W_c = parameter(self.output_size, entries + inputs)
        self._add_time_bias(device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot matrices, and a time bias of zero."""
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter if parameter.dim() > 1 else parameter[None])
        if self.time_bias is not None:
            nn.init.zeros_(self.time_bias)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.score, Concat):
            return linear(memory, self.W_a[:, self.input_size :]), memory
        keys = linear(memory, self.W_a) if isinstance(self.score, General) else memory
        return self._turned(keys, positions), memory

    def attend(
        self, x: Tensor, positions: Tensor, keys: Tensor, values: Tensor, sight: Sight, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        if isinstance(self.score, Concat):
            energies = additive_energies(linear(x, self.W_a[:, : self.input_size]), keys, self.v_a)
        else:
            energies = (self._turned(x, positions) @ keys.transpose(1, 2))[:, None]
        weights = self._local(x, energies, sight) if isinstance(self.span, LocalP) else sight.shares(energies)
        context = weights.squeeze(1) @ values
        y = torch.tanh(linear(torch.cat((context, x), -1), self.W_c))
        return y, weights if need_weights else None

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, score={self.score}, span={self.span}"

    def _local(self, x: Tensor, energies: Tensor, sight: Sight) -> Tensor:
        assert isinstance(self.span, LocalP)
        numbers, seen = sight.numbers()
        centre = seen * torch.sigmoid(torch.tanh(linear(x, self.W_p)) @ self.v_p)  # [B, T]
        far = (numbers - centre[..., None])[:, None]  # [B, 1, T, S]
        near = far.abs() <= self.span.half_width
        if sight.bias is not None:
            energies = energies + sight.bias
        sigma = self.span.half_width / 2
        return softmax_over(energies, sight.visible() & near) * torch.exp(-far.square() / (2 * sigma**2))

    def _check_options(self) -> None:
        if not isinstance(self.score, Score):
            raise InputError(f"score must be Dot(), General() or Concat(hidden_size); got {self.score!r}")
        if not isinstance(self.span, Span):
            raise InputError(f"span must be Global() or LocalP(half_width, hidden_size); got {self.span!r}")
        if isinstance(self.score, Dot) and self.entry_size != self.input_size:
            raise InputError(
                f"Dot() multiplies events and entries: input_size={self.input_size} and entry_size={self.entry_size} "
                "must be equal; General() takes any"
            )
        if isinstance(self.score, Concat):
            check_not_rotary(self.position, "Concat")
        elif isinstance(self.position, Rotary) and self.input_size % 2:
            raise InputError(
                f"Rotary() turns pairs of features: input_size must be even; got {self.input_size}"
            )
