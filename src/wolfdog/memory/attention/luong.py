"""Multiplicative (Luong) attention: three scores, global and local."""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError
from .additive import additive_energies, check_not_rotary
from .attention import Attention
from .past import Visibility
from .positions import Position, Rotary
from .weighting import masked_softmax


@dataclass(frozen=True)
class Dot:
    """Score x_t . m_s."""


@dataclass(frozen=True)
class General:
    """Score x_t . W_a m_s."""


@dataclass(frozen=True)
class Concat:
    """Score v_a . tanh(W_a [x_t, m_s]).

    Args:
        hidden_size: Rows of W_a.

    Raises:
        InputError: The size is not a positive integer.
    """

    hidden_size: int

    def __post_init__(self) -> None:
        positive("Concat: hidden_size", self.hidden_size)


@dataclass(frozen=True)
class Global:
    """Global attention: a_ts = softmax_s(score(x_t, m_s)) over all visible entries."""


@dataclass(frozen=True)
class LocalP:
    """Local attention with a predicted centre ("local-p").

        p_t  = S_t sigmoid(v_p . tanh(W_p x_t))
        a_ts = softmax_s(score(x_t, m_s)) exp(-(s - p_t)^2 / (2 sigma^2)),    sigma = D / 2

    The softmax is over the entries with |s - p_t| <= D; the others have weight zero, and the weights are not normalised
    again. S_t is the number of visible entries, and s is the index of an entry among them, 0 for the oldest. In the
    source, they are the whole input sentence; over a layer's own past, they are the window at t.

    Args:
        half_width: D.
        hidden_size: Rows of W_p.

    Raises:
        InputError: A size is not a positive integer.
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

    x_t is the event that queries (in the source, the state of the decoder), and m_s an entry (in the source, a state of
    the encoder); over the layer's own past, m_s is an event x_s. As in the source, there are no biases.

    Source: Luong, Pham and Manning 2015, "Effective approaches to attention-based neural machine translation".

    Args:
        input_size: Features of an event.
        output_size: Features of an output; None for `input_size`.
        entry_size: Features of an entry; None for `input_size`. `Dot()` needs `input_size`.
        score: `Dot()`, `General()` or `Concat(hidden_size)`.
        span: `Global()`, or `LocalP(half_width, hidden_size)` for attention around a predicted position.
        window: As of `Attention`.
        position: As of `Attention`; `Rotary()` is not possible with `Concat`.
        batch_first: As of `Attention`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or the options contradict each other.

    Examples:
        >>> attention = LuongAttention(4, score=General(), window=16, span=LocalP(half_width=2, hidden_size=4))
        >>> y, past = attention(torch.randn(6, 2, 4))
        >>> y.shape
        torch.Size([6, 2, 4])
    """

    def __init__(
        self,
        input_size: int,
        *,
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
        parameter = parameter_factory(device, dtype)
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
        """Initialise: Glorot matrices, zero time bias."""
        for parameter in self.parameters():
            nn.init.xavier_uniform_(parameter if parameter.dim() > 1 else parameter[None])
        if self.time_bias is not None:
            nn.init.zeros_(self.time_bias)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.score, Concat):
            return linear(memory, self.W_a[:, self.input_size :]), memory
        keys = linear(memory, self.W_a) if isinstance(self.score, General) else memory
        return self._rotated(keys, positions), memory

    def attend(
        self,
        x: Tensor,
        positions: Tensor,
        keys: Tensor,
        values: Tensor,
        visibility: Visibility,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        if isinstance(self.score, Concat):
            energies = additive_energies(linear(x, self.W_a[:, : self.input_size]), keys, self.v_a)
        else:
            energies = (self._rotated(x, positions) @ keys.transpose(1, 2))[:, None]
        local = isinstance(self.span, LocalP)
        weights = self._local(x, energies, visibility) if local else visibility.weights(energies)
        context = weights.squeeze(1) @ values
        y = torch.tanh(linear(torch.cat((context, x), -1), self.W_c))
        return y, weights if need_weights else None

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, score={self.score}, span={self.span}"

    def _local(self, x: Tensor, energies: Tensor, visibility: Visibility) -> Tensor:
        assert isinstance(self.span, LocalP)
        indices, count = visibility.indices()
        centre = count * torch.sigmoid(torch.tanh(linear(x, self.W_p)) @ self.v_p)  # [B, T]
        distance = (indices - centre[..., None])[:, None]  # [B, 1, T, S]
        near = distance.abs() <= self.span.half_width
        if visibility.bias is not None:
            energies = energies + visibility.bias
        sigma = self.span.half_width / 2
        return masked_softmax(energies, visibility.mask() & near) * torch.exp(
            -distance.square() / (2 * sigma**2)
        )

    def _check_options(self) -> None:
        if not isinstance(self.score, Score):
            raise InputError(f"score must be Dot(), General() or Concat(hidden_size); got {self.score!r}")
        if not isinstance(self.span, Span):
            raise InputError(f"span must be Global() or LocalP(half_width, hidden_size); got {self.span!r}")
        if isinstance(self.score, Dot) and self.entry_size != self.input_size:
            raise InputError(
                f"Dot() multiplies events and entries: input_size={self.input_size} and entry_size={self.entry_size} "
                "must be equal; General() has no such limit"
            )
        if isinstance(self.score, Concat):
            check_not_rotary(self.position, "Concat")
        elif isinstance(self.position, Rotary) and self.input_size % 2:
            raise InputError(
                f"Rotary() rotates pairs of features: input_size must be even; got {self.input_size}"
            )
