"""Entry windows of an attention memory: the last entries of several streams in tensors."""

from typing import NamedTuple

import torch
from torch import Tensor


class EntryWindow(NamedTuple):
    """Entries held for each of B streams, the newest last.

    Attributes:
        held: [B] whole numbers: how many of the last places hold an entry.
        entries: [B, W, N].
        times: [B, W] seconds, in float64.

    Examples:
        >>> EntryWindow.empty(2, 8, 3).entries.shape
        torch.Size([2, 8, 3])
    """

    held: Tensor
    entries: Tensor
    times: Tensor

    @classmethod
    def empty(cls, batch: int, window: int, size: int, like: Tensor | None = None) -> "EntryWindow":
        """Initial state without entries.

        Args:
            batch: B.
            window: W.
            size: N.
            like: Tensor whose dtype and device the entries get.
        """
        zeros = torch.zeros(batch, window, size) if like is None else like.new_zeros(batch, window, size)
        return cls(
            torch.zeros(batch, dtype=torch.int64, device=zeros.device),
            zeros,
            torch.zeros(batch, window, dtype=torch.float64, device=zeros.device),
        )


class WindowView(NamedTuple):
    """Held entries followed by those of a chunk of T moments: S places, of which each moment sees a range.

    Attributes:
        entries: [B, S, N].
        times: [B, S] seconds.
        first: [B, T] first place that each moment sees.
        last: [B, T] last place that each moment sees: its own where it is held.
    """

    entries: Tensor
    times: Tensor
    first: Tensor
    last: Tensor

    def visible(self, query: slice) -> Tensor:
        """Visibility mask [B, Q, S] of those moments."""
        place = torch.arange(self.entries.shape[1], device=self.entries.device)
        return (place >= self.first[:, query, None]) & (place <= self.last[:, query, None])


def extend(
    kept: EntryWindow, entries: Tensor, times: Tensor, resets: Tensor | None, stride: float
) -> tuple[WindowView, EntryWindow]:
    """Entries that each of T moments sees, and the entries held after them.

    A moment is stored before it is a query. It is held where `stride` seconds or more have passed since the last one
    that was (as in `wolfdog.memory.Strided`; 0: always), or where a deployment begins: a moment at a reset sees nothing
    from before it. Gradients pass through the entries of the chunk.

    Args:
        kept: Entries held before.
        entries: [T, B, N].
        times: [T, B] seconds.
        resets: [T, B], or None.
        stride: Least number of seconds between two entries.

    Returns:
        The view of the chunk, and the entries held after it.
    """
    window, steps = kept.entries.shape[1], len(entries)
    new, when = entries.transpose(0, 1), times.transpose(0, 1)
    begins = torch.zeros_like(when, dtype=torch.bool) if resets is None else resets.transpose(0, 1)
    if stride > 0:
        chosen = _chosen(kept, when, begins, stride)
        number = chosen.cumsum(1)  # [B, T] how many of the chunk are kept by then
        index = _places(chosen, number)
        new = new.gather(1, index[..., None].expand(-1, -1, new.shape[2]))
        later = when.gather(1, index)
    else:
        number, later = torch.arange(1, steps + 1, device=when.device).expand(len(when), -1), when
    laid, seconds = torch.cat((kept.entries, new), 1), torch.cat((kept.times, later), 1)
    last = window - 1 + number
    began = torch.where(begins, last, window - kept.held[:, None]).cummax(1).values
    view = WindowView(laid, seconds, torch.maximum(began, last - window + 1), last)
    held = (last[:, -1] - view.first[:, -1] + 1) if steps else kept.held
    if stride > 0 and steps:
        back = last[:, -1:] - window + 1 + torch.arange(window, device=last.device)
        after = laid.gather(1, back[..., None].expand(-1, -1, laid.shape[2])), seconds.gather(1, back)
    else:
        after = laid[:, steps:], seconds[:, steps:]
    return view, EntryWindow(held, *after)


def _chosen(kept: EntryWindow, when: Tensor, begins: Tensor, stride: float) -> Tensor:
    """Mask [B, T] of the moments that are held."""
    latest = kept.times[:, -1].masked_fill(kept.held == 0, -torch.inf)
    chosen = []
    for time, begin in zip(when.unbind(1), begins.unbind(1), strict=True):
        take = begin | ((time - latest).abs() >= stride)
        latest = torch.where(take, time, latest)
        chosen.append(take)
    return torch.stack(chosen, 1) if chosen else begins


def _places(chosen: Tensor, number: Tensor) -> Tensor:
    """Positions [B, K] of the held moments in order, K being the most of any stream; the others are padded."""
    most = int(number[:, -1].max()) if number.numel() else 0
    index = torch.zeros(len(chosen), most + 1, dtype=torch.int64, device=chosen.device)
    moment = torch.arange(chosen.shape[1], device=chosen.device).expand_as(number)
    return index.scatter(1, torch.where(chosen, number - 1, most), moment)[:, :most]
