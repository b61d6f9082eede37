"""Attention over whole sequences, a block of queries at a time, so that what is computed stays small."""

from typing import Protocol

import torch
from torch import Tensor

from ...compiler.ragged import masked, padding_mask
from ..arguments import finite
from .past import Past, Sight, by_age


class BlockAttention(Protocol):
    """Interface of an attention mechanism whose queries are processed in blocks; see `Attention`."""

    block: int
    heads: int
    output_size: int

    def placed(self, x: Tensor, positions: Tensor) -> Tensor: ...

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]: ...

    def sight(self, at: Tensor, first: Tensor, last: Tensor, when: Tensor, then: Tensor) -> Sight: ...

    def attend(
        self, x: Tensor, positions: Tensor, keys: Tensor, values: Tensor, sight: Sight, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]: ...


def over_own_past(
    attention: BlockAttention,
    x: Tensor,
    past: Past,
    carried: bool,
    lengths: Tensor | None,
    resets: Tensor | None,
    when: Tensor,
    need_weights: bool,
) -> tuple[Tensor, Past, list[Tensor]]:
    """Outputs [B, T, O] of events x [B, T, I], the state after them, and weights [B, T, heads, window] if any.

    carried  whether there may be something in `past`
    """
    batch, steps = x.shape[:2]
    window = past.keys.shape[1]
    x, over = _up_to(x, lengths)
    when = finite(_up_to(when, lengths)[0])
    at = torch.arange(steps, device=x.device).expand(batch, -1)
    began = -past.seen[:, None].expand(-1, steps)  # where in this chunk lies what is number 0
    if resets is not None:
        began = torch.where(resets, at, began).cummax(1).values
    positions, first = at - began, torch.maximum(began, at - window + 1)
    x = attention.placed(x, positions)
    keys, values = attention.entries(x, positions)
    held = past.places() - 1
    outputs, weights = [], []
    for piece in _blocks(steps, attention.block):
        reach = slice(max(0, piece.start - window + 1), piece.stop)
        parts = [(keys[:, reach], values[:, reach], at[:, reach], when[:, reach])]
        if carried and piece.start < window - 1:
            parts.insert(0, (past.keys, past.values, held, past.times))
        k, v, places, then = (torch.cat(tensors, 1) for tensors in zip(*parts, strict=True))
        sight = attention.sight(places, first[:, piece], at[:, piece], when[:, piece], then)
        y, w = attention.attend(x[:, piece], positions[:, piece], k, v, sight, need_weights)
        outputs.append(y)
        weights += [] if w is None else [by_age(w, sight, window).transpose(1, 2)]
    y, *rest = _joined(attention, x, over, outputs, weights, window if need_weights else None)
    if steps == 0:
        return y, past, rest
    ends = at.new_full((batch,), steps) if lengths is None else lengths.to(at)
    reached = positions.gather(1, (ends - 1).clamp(min=0)[:, None])[:, 0] + 1
    seen = torch.where(ends > 0, reached, past.seen)
    return y, past.after(keys, values, when, seen, ends), rest


def over_memory(
    attention: BlockAttention,
    x: Tensor,
    memory: Tensor,
    lengths: Tensor | None,
    memory_lengths: Tensor | None,
    when: Tensor,
    then: Tensor,
    need_weights: bool,
) -> list[Tensor]:
    """Outputs [B, T, O] of events x [B, T, I] over a memory [B, S, M], and weights [B, T, heads, S] if any."""
    batch, steps, size = len(x), x.shape[1], memory.shape[1]
    at = torch.arange(size, device=x.device).expand(batch, -1)
    ends = at.new_full((batch,), size) if memory_lengths is None else memory_lengths.to(at)
    memory, then = _up_to(memory, memory_lengths)[0], finite(_up_to(then, memory_lengths)[0])
    now = torch.arange(steps, device=x.device).expand(batch, -1)
    (x, over), when = _up_to(x, lengths), finite(_up_to(when, lengths)[0])
    x, memory = attention.placed(x, now), attention.placed(memory, at)
    keys, values = attention.entries(memory, at)
    first, last = torch.zeros_like(now), (ends[:, None] - 1).expand(-1, steps)
    outputs, weights = [], []
    for piece in _blocks(steps, attention.block):
        sight = attention.sight(at, first[:, piece], last[:, piece], when[:, piece], then)
        y, w = attention.attend(x[:, piece], now[:, piece], keys, values, sight, need_weights)
        outputs.append(y)
        weights += [] if w is None else [w.transpose(1, 2)]
    return _joined(attention, x, over, outputs, weights, size if need_weights else None)


def _joined(
    attention: BlockAttention,
    x: Tensor,
    over: Tensor | None,
    outputs: list[Tensor],
    weights: list[Tensor],
    width: int | None,
) -> list[Tensor]:
    """Outputs [B, T, O] and, where they have a width, weights [B, T, heads, width]; zeros past the end."""
    batch, steps = x.shape[:2]
    y = torch.cat(outputs, 1) if outputs else x.new_zeros(batch, steps, attention.output_size)
    found = [y if over is None else y.masked_fill(over[..., None], 0)]
    if width is not None:
        w = torch.cat(weights, 1) if weights else x.new_zeros(batch, steps, attention.heads, width)
        found.append(w if over is None else w.masked_fill(over[..., None, None], 0))
    return found


def _up_to(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """[B, T, ...] with zeros past the ends, so that what lies there reaches no gradient, and where that is [B, T]."""
    if lengths is None:
        return x, None
    over = padding_mask(x.shape[1], lengths.to(x.device)).T
    return masked(x, over), over


def _blocks(steps: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, steps)) for start in range(0, steps, size)]
