"""Scaled dot-product attention with several heads."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from ...cells.initialisation import parameter_factory
from ...errors import InputError
from ...layers.execution.kernel_access import transformed
from .attention import Attention
from .past import Visibility
from .positions import Position, Rotary
from .weighting import Weighting, check_weighting


class MultiHeadAttention(Attention):
    """Scaled dot-product attention with several heads, over a layer's own past or over another sequence.

        head_i = softmax_s((W_q x_t + b_q)_i . (W_k m_s + b_k)_i / sqrt(d)) (W_v m_s + b_v)_i       d = I / heads
        y_t    = W_o [head_1, ..., head_n] + b_o

    x_t is the event that queries, m_s an entry; over the layer's own past, m_s is an event x_s. Parameters have the
    names and layout of torch.nn.MultiheadAttention, so that state_dicts are exchangeable.

    Source: Vaswani et al. 2017, "Attention is all you need".

    Args:
        input_size: Features of an event and of an output, I, a multiple of `heads`.
        heads: Number of heads.
        entry_size: Features of an entry; None for `input_size`.
        bias: Whether there are biases.
        window: As of `Attention`.
        position: As of `Attention`.
        batch_first: As of `Attention`.
        weighting: "softmax" as written above, or "stick-breaking" for the weights of `stick_breaking` in its place.
        fast: Whether to use torch's scaled_dot_product_attention, unless weights are requested or made by
            stick-breaking; False computes the equations as written above.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Raises:
        InputError: A size is not a positive integer, `input_size` does not suit the heads, or there is no such
            weighting.

    Examples:
        >>> attention = MultiHeadAttention(8, heads=2, window=100)
        >>> y, past = attention(torch.randn(6, 3, 8))
        >>> y_next, past, weights = attention.step(torch.randn(3, 8), past, need_weights=True)
        >>> weights.shape  # by age
        torch.Size([3, 2, 100])
    """

    in_proj_weight: nn.Parameter | None
    in_proj_bias: nn.Parameter | None
    q_proj_weight: nn.Parameter
    k_proj_weight: nn.Parameter
    v_proj_weight: nn.Parameter

    def __init__(
        self,
        input_size: int,
        heads: int,
        *,
        entry_size: int | None = None,
        bias: bool = True,
        window: int | None = None,
        position: Position | None = None,
        batch_first: bool = False,
        weighting: Weighting = "softmax",
        fast: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, entry_size, heads, window, position, batch_first)
        if input_size % heads:
            raise InputError(f"input_size must be a multiple of heads; got {input_size} and {heads}")
        if isinstance(position, Rotary) and input_size // heads % 2:
            raise InputError(
                f"Rotary() rotates pairs of features: input_size / heads must be even; got {input_size} / {heads}"
            )
        self.key_size = self.value_size = self.output_size = input_size
        self.weighting, self.fast = check_weighting(weighting), fast
        parameter = parameter_factory(device, dtype)
        packed = self.entry_size == input_size
        self.register_parameter("in_proj_weight", parameter(3 * input_size, input_size) if packed else None)
        for name, size in (("q", input_size), ("k", self.entry_size), ("v", self.entry_size)):
            weight = None if packed else parameter(input_size, size)
            self.register_parameter(f"{name}_proj_weight", weight)
        self.register_parameter("in_proj_bias", parameter(3 * input_size) if bias else None)
        self.out_proj = nn.Linear(input_size, input_size, bias=bias, device=device, dtype=dtype)
        self._add_time_bias(device, dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise: Glorot matrices, zero biases."""
        for weight, _ in self._projections():
            nn.init.xavier_uniform_(weight)
        nn.init.xavier_uniform_(self.out_proj.weight)
        for bias in (self.in_proj_bias, self.out_proj.bias, self.time_bias):
            if bias is not None:
                nn.init.zeros_(bias)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        _, (W_k, b_k), (W_v, b_v) = self._projections()
        keys = self._rotated(self._by_head(linear(memory, W_k, b_k)), positions)
        return keys.flatten(2), linear(memory, W_v, b_v)

    def attend(
        self,
        x: Tensor,
        positions: Tensor,
        keys: Tensor,
        values: Tensor,
        visibility: Visibility,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        W_q, b_q = self._projections()[0]
        q = self._rotated(self._by_head(linear(x, W_q, b_q)), positions).transpose(1, 2)  # [B, heads, T, d]
        k, v = self._by_head(keys).transpose(1, 2), self._by_head(values).transpose(1, 2)
        # Under torch.func's transforms, PyTorch's kernel has no gradient of an additive bias.
        differentiable = visibility.bias is None or not transformed()
        if self.fast and self.weighting == "softmax" and not need_weights and differentiable:
            heads, weights = _fast(q, k, v, visibility), None
        else:
            weights = visibility.weights(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), self.weighting)
            heads = weights @ v
        y: Tensor = self.out_proj(heads.transpose(1, 2).flatten(2))
        return y, weights if need_weights else None

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.weighting == "softmax" else f"{shown}, weighting={self.weighting!r}"

    def _projections(self) -> list[tuple[Tensor, Tensor | None]]:
        """Matrix and bias of queries, keys and values."""
        biases: Sequence[Tensor | None] = (None, None, None)
        matrices: Sequence[Tensor] = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_bias is not None:
            biases = self.in_proj_bias.chunk(3)
        if self.in_proj_weight is not None:
            matrices = self.in_proj_weight.chunk(3)
        return list(zip(matrices, biases, strict=True))

    def _by_head(self, tensor: Tensor) -> Tensor:
        """[B, T, I] as [B, T, heads, d]."""
        return tensor.view(*tensor.shape[:2], self.heads, tensor.shape[2] // self.heads)


def _fast(q: Tensor, k: Tensor, v: Tensor, visibility: Visibility) -> Tensor:
    visible = visibility.mask()
    blind = ~visible.any(-1, keepdim=True)
    mask = visible | blind
    if visibility.bias is not None:
        mask = visibility.bias.masked_fill(~mask, -torch.inf)
    return scaled_dot_product_attention(q, k, v, attn_mask=mask).masked_fill(blind, 0)
