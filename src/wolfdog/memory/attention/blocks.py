"""Attention over whole sequences in blocks of queries, which bounds the memory for long sequences."""

from typing import Protocol

import torch
from torch import Tensor

from ...compiler.ragged import masked, padding_mask
from ..arguments import check_finite
from .past import Past, Visibility, weights_by_age


class BlockAttention(Protocol):
    """Interface of an attention mechanism whose queries are processed in blocks; see `Attention`."""

    block: int
    heads: int
    output_size: int

    def encoded(self, x: Tensor, positions: Tensor) -> Tensor: ...

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]: ...

    def visibility(
        self, at: Tensor, first: Tensor, last: Tensor, when: Tensor, then: Tensor
    ) -> Visibility: ...

    def attend(
        self,
        x: Tensor,
        positions: Tensor,
        keys: Tensor,
        values: Tensor,
        visibility: Visibility,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]: ...


def attend_past(
    attention: BlockAttention,
    x: Tensor,
    past: Past,
    has_past: bool,
    lengths: Tensor | None,
    resets: Tensor | None,
    when: Tensor,
    need_weights: bool,
) -> tuple[Tensor, Past, list[Tensor]]:
    """Attention of events over the last `window` events.

    Args:
        attention: The attention layer.
        x: Events [B, T, I].
        past: The state before them.
        has_past: Whether `past` may hold entries.
        lengths: Number of events of each sequence, [B]; None for T.
        resets: Booleans [B, T]; True hides all earlier events.
        when: Seconds [B, T], or [B, 0] if they are not used.
        need_weights: Whether to return the weights.

    Returns:
        Outputs [B, T, O], the state after them, and a list with the weights [B, T, heads, window] if they are needed.
    """
    batch, steps = x.shape[:2]
    window = past.keys.shape[1]
    x, padding = _without_padding(x, lengths)
    when = check_finite(_without_padding(when, lengths)[0])
    at = torch.arange(steps, device=x.device).expand(batch, -1)
    start = -past.seen[:, None].expand(-1, steps)  # index in this chunk of the entry with position 0
    if resets is not None:
        start = torch.where(resets, at, start).cummax(1).values
    positions, first = at - start, torch.maximum(start, at - window + 1)
    x = attention.encoded(x, positions)
    keys, values = attention.entries(x, positions)
    past_places = past.offsets() - 1
    outputs, weights = [], []
    for block in _blocks(steps, attention.block):
        reach = slice(max(0, block.start - window + 1), block.stop)
        parts = [(keys[:, reach], values[:, reach], at[:, reach], when[:, reach])]
        if has_past and block.start < window - 1:
            parts.insert(0, (past.keys, past.values, past_places, past.times))
        k, v, places, then = (torch.cat(tensors, 1) for tensors in zip(*parts, strict=True))
        visibility = attention.visibility(places, first[:, block], at[:, block], when[:, block], then)
        y, w = attention.attend(x[:, block], positions[:, block], k, v, visibility, need_weights)
        outputs.append(y)
        weights += [] if w is None else [weights_by_age(w, visibility, window).transpose(1, 2)]
    y, *rest = _joined(attention, x, padding, outputs, weights, window if need_weights else None)
    if steps == 0:
        return y, past, rest
    counts = at.new_full((batch,), steps) if lengths is None else lengths.to(at)
    last_seen = positions.gather(1, (counts - 1).clamp(min=0)[:, None])[:, 0] + 1
    seen = torch.where(counts > 0, last_seen, past.seen)
    return y, past.after(keys, values, when, seen, counts), rest


def attend_memory(
    attention: BlockAttention,
    x: Tensor,
    memory: Tensor,
    lengths: Tensor | None,
    memory_lengths: Tensor | None,
    when: Tensor,
    then: Tensor,
    need_weights: bool,
) -> list[Tensor]:
    """Attention of events x [B, T, I] over a memory [B, S, M].

    Returns:
        A list with the outputs [B, T, O] and, if they are needed, the weights [B, T, heads, S].
    """
    batch, steps, size = len(x), x.shape[1], memory.shape[1]
    at = torch.arange(size, device=x.device).expand(batch, -1)
    counts = at.new_full((batch,), size) if memory_lengths is None else memory_lengths.to(at)
    memory, then = (
        _without_padding(memory, memory_lengths)[0],
        check_finite(_without_padding(then, memory_lengths)[0]),
    )
    now = torch.arange(steps, device=x.device).expand(batch, -1)
    (x, padding), when = _without_padding(x, lengths), check_finite(_without_padding(when, lengths)[0])
    x, memory = attention.encoded(x, now), attention.encoded(memory, at)
    keys, values = attention.entries(memory, at)
    first, last = torch.zeros_like(now), (counts[:, None] - 1).expand(-1, steps)
    outputs, weights = [], []
    for block in _blocks(steps, attention.block):
        visibility = attention.visibility(at, first[:, block], last[:, block], when[:, block], then)
        y, w = attention.attend(x[:, block], now[:, block], keys, values, visibility, need_weights)
        outputs.append(y)
        weights += [] if w is None else [w.transpose(1, 2)]
    return _joined(attention, x, padding, outputs, weights, size if need_weights else None)


def _joined(
    attention: BlockAttention,
    x: Tensor,
    padding: Tensor | None,
    outputs: list[Tensor],
    weights: list[Tensor],
    width: int | None,
) -> list[Tensor]:
    """Outputs [B, T, O] and, if a width is given, weights [B, T, heads, width] of all blocks; zeros past the end."""
    batch, steps = x.shape[:2]
    y = torch.cat(outputs, 1) if outputs else x.new_zeros(batch, steps, attention.output_size)
    joined = [y if padding is None else y.masked_fill(padding[..., None], 0)]
    if width is not None:
        w = torch.cat(weights, 1) if weights else x.new_zeros(batch, steps, attention.heads, width)
        joined.append(w if padding is None else w.masked_fill(padding[..., None, None], 0))
    return joined


def _without_padding(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Values [B, T, ...] with zeros in the padding, so that it reaches no gradient, and the padding mask [B, T]."""
    if lengths is None:
        return x, None
    padding = padding_mask(x.shape[1], lengths.to(x.device)).T
    return masked(x, padding), padding


def _blocks(steps: int, size: int) -> list[slice]:
    """Blocks of `size` queries; one of all where an exported program has a dynamic number of steps."""
    if torch.compiler.is_exporting():
        from ...layers.execution.scan import dynamic  # loads torch's scan

        if dynamic(steps):
            return [slice(0, steps)]
    return [slice(start, min(start + size, steps)) for start in range(0, steps, size)]
