"""Additive (Bahdanau) attention."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...cells.initialisation import parameter_factory
from ...errors import InputError
from .attention import Attention
from .past import Visibility
from .positions import Position, Rotary


class AdditiveAttention(Attention):
    """Additive attention, over a layer's own past or over another sequence.

        e_ts = v_a . tanh(W_a x_t + U_a m_s + b_a)
        a_ts = softmax_s(e_ts)
        y_t  = sum_s a_ts m_s

    x_t is the event that queries, m_s an entry; over the layer's own past, m_s is an event x_s. In the source, the
    query is the state of the decoder and the entry an annotation of the input.

    Source: Bahdanau, Cho and Bengio 2015, "Neural machine translation by jointly learning to align and translate".

    Args:
        input_size: Features of an event, I.
        hidden_size: Features of the energy network, A.
        entry_size: Features of an entry and of an output; None for `input_size`.
        bias: Whether there is b_a.
        window: As of `Attention`.
        position: As of `Attention`; `Rotary()` is not possible.
        batch_first: As of `Attention`.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, or the position encoding is `Rotary()`.

    Examples:
        >>> attention = AdditiveAttention(4, 8, window=3)
        >>> y, past, weights = attention(torch.randn(6, 2, 4), need_weights=True)
        >>> y.shape, weights.shape  # weights by age
        (torch.Size([6, 2, 4]), torch.Size([6, 2, 1, 3]))
    """

    block = 32
    b_a: nn.Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        entry_size: int | None = None,
        bias: bool = True,
        window: int | None = None,
        position: Position | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, entry_size, 1, window, position, batch_first)
        check_not_rotary(position, "AdditiveAttention")
        self.hidden_size = self.key_size = positive("hidden_size", hidden_size)
        self.value_size = self.output_size = self.entry_size
        parameter = parameter_factory(device, dtype)
        self.W_a, self.U_a = parameter(hidden_size, self.input_size), parameter(hidden_size, self.entry_size)
        self.v_a = parameter(hidden_size)
        self.register_parameter("b_a", parameter(hidden_size) if bias else None)
        self._add_time_bias(device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot matrices, zero biases."""
        nn.init.xavier_uniform_(self.W_a)
        nn.init.xavier_uniform_(self.U_a)
        nn.init.xavier_uniform_(self.v_a[None])
        for bias in (self.b_a, self.time_bias):
            if bias is not None:
                nn.init.zeros_(bias)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        return linear(memory, self.U_a), memory

    def attend(
        self,
        x: Tensor,
        positions: Tensor,
        keys: Tensor,
        values: Tensor,
        visibility: Visibility,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        weights = visibility.weights(additive_energies(linear(x, self.W_a, self.b_a), keys, self.v_a))
        return weights.squeeze(1) @ values, weights if need_weights else None


def additive_energies(queries: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Energies v . tanh(query + key), [B, 1, T, S], of queries [B, T, A] and keys [B, S, A]."""
    return (torch.tanh(queries[:, :, None] + keys[:, None]) @ v)[:, None]


def check_not_rotary(position: Position | None, name: str) -> None:
    """Check of a position encoding for an additive energy.

    Raises:
        InputError: It is `Rotary()`.
    """
    if isinstance(position, Rotary):
        raise InputError(
            f"Rotary() is for energies that multiply queries and keys; {name} adds them: "
            "use Sinusoidal() or RelativeTime()"
        )
