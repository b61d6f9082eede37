"""Additive attention: a small network says how well a query and an entry go together."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...cells.cell import positive
from ...errors import InputError
from .attention import Attention
from .past import Sight
from .positions import Position, Rotary


class AdditiveAttention(Attention):
    """Additive attention, over a layer's own past or over another sequence.

        e_ts = v_a . tanh(W_a x_t + U_a m_s + b_a)
        a_ts = softmax_s(e_ts)
        y_t  = sum_s a_ts m_s

    x_t is the event that asks, m_s what is attended to; over the layer's own past, m_s is an event x_s. In the source
    the query is the decoder's state before the word, and m_s an annotation of the input.

    input_size   features of an event, I
    hidden_size  features of the small network, A
    entry_size   features of what is attended to, as many as an event has unless given; the outputs have as many
    window, position, batch_first, and the call  as `Attention` has them; `Rotary()` does not go with it

    Source: Bahdanau, Cho and Bengio 2015, "Neural machine translation by jointly learning to align and translate".
    Raises InputError for sizes that are no positive whole numbers, and for Rotary().

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

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.W_a, self.U_a = parameter(hidden_size, self.input_size), parameter(hidden_size, self.entry_size)
        self.v_a = parameter(hidden_size)
        self.register_parameter("b_a", parameter(hidden_size) if bias else None)
        self._add_time_bias(device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot matrices, and biases of zero."""
        nn.init.xavier_uniform_(self.W_a)
        nn.init.xavier_uniform_(self.U_a)
        nn.init.xavier_uniform_(self.v_a[None])
        for bias in (self.b_a, self.time_bias):
            if bias is not None:
                nn.init.zeros_(bias)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        return linear(memory, self.U_a), memory

    def attend(
        self, x: Tensor, positions: Tensor, keys: Tensor, values: Tensor, sight: Sight, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        weights = sight.shares(additive_energies(linear(x, self.W_a, self.b_a), keys, self.v_a))
        return weights.squeeze(1) @ values, weights if need_weights else None


def additive_energies(queries: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """v . tanh(query + key), [B, 1, T, S], of queries [B, T, A] and keys [B, S, A]."""
    return (torch.tanh(queries[:, :, None] + keys[:, None]) @ v)[:, None]


def check_not_rotary(position: Position | None, name: str) -> None:
    """Raises InputError for Rotary()."""
    if isinstance(position, Rotary):
        raise InputError(
            f"Rotary() turns queries and keys that are multiplied; {name} adds them: "
            "take Sinusoidal() or RelativeTime()"
        )
