"""Lowering of scaled dot-product attention over queries, keys and values of each example."""

from typing import Any

from ...errors import Refusal
from .operands import Batched, Folded, Lower, Operands, pointwise
from .reductions import safe_softmax

_plus = pointwise("add")


def _attention(
    o: Operands,
    query: Batched,
    key: Batched,
    value: Batched,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: float | None = None,
) -> list[Batched]:
    """Attention softmax(Q K^T scale + mask) V: Q `[B, H, N, D]`, K `[B, H, M, D]`, V `[B, H, M, E]`, mask `[N, M]`."""
    if dropout_p:
        raise Refusal(f"attention with dropout draws random numbers {o.b.where}")
    if is_causal:
        raise Refusal(f"causal attention within a step {o.b.where}")
    if any(axis != 0 or isinstance(axis, Folded) for _, axis in (query, key, value)):
        raise Refusal(f"attention across the batch {o.b.where}")
    (heads, count, width), size = query[0].shape, key[0].shape[-2]
    if key[0].shape[0] != heads:
        raise Refusal(f"attention with fewer heads of keys than of queries {o.b.where}")
    left = o.reshape(query[0], (heads, count, 1, width))
    right = o.reshape(key[0], (heads, 1, size, width))
    scores = o.reshape(o.b("sum", o.b("mul", left, right), axes=(-1,)), (heads, count, size))
    scores = o.b("mul", scores, o.number(width**-0.5 if scale is None else scale))
    masked: Batched = (scores, 0) if attn_mask is None else _plus(o, (scores, 0), attn_mask)
    weights, _ = safe_softmax(o, masked, -1)
    weights = o.reshape(weights, (heads, count, size, 1))
    values = o.reshape(value[0], (heads, 1, size, value[0].shape[-1]))
    total = o.b("sum", o.b("mul", weights, values), axes=(-2,))
    return [(o.reshape(total, (heads, count, value[0].shape[-1])), 0)]


ATTENTION: dict[str, Lower] = {"_scaled_dot_product_flash_attention_for_cpu": _attention}
