"""The state of attention over its own past: the last so many entries in a ring, and which of them a query may see."""

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ShapeError
from ...layers.cell.arguments import described
from ...layers.cell.state import State


class Past(NamedTuple):
    """The last W entries of each sequence, plain tensors: entry number p lies in slot p mod W.

    seen    [B] whole numbers: how many entries there were since the start, or since the last reset
    keys    [B, W, K] what queries are held against
    values  [B, W, V] what is read
    times   [B, W] seconds, in float64; [B, 0] where attention does not look at them

    A slot that has nothing in it holds zeros.

    >>> past = Past.empty(2, 8, 3, 3)
    >>> past.seen.tolist(), past.keys.shape
    ([0, 0], torch.Size([2, 8, 3]))
    """

    seen: Tensor
    keys: Tensor
    values: Tensor
    times: Tensor

    @classmethod
    def empty(
        cls,
        batch: int,
        window: int,
        key_size: int,
        value_size: int,
        timed: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "Past":
        """The state before anything was seen."""
        return cls(
            torch.zeros(batch, dtype=torch.int64, device=device),
            torch.zeros(batch, window, key_size, device=device, dtype=dtype),
            torch.zeros(batch, window, value_size, device=device, dtype=dtype),
            torch.zeros(batch, window if timed else 0, device=device, dtype=torch.float64),
        )

    def places(self) -> Tensor:
        """[B, W]: how long ago the entries of the slots were written, as 0, -1, -2 ...; of an empty slot less than
        -(seen - 1)."""
        newest = self.seen[:, None] - 1
        slots = torch.arange(self.keys.shape[1], device=self.seen.device)
        return -((newest - slots) % self.keys.shape[1])

    def written(self, keys: Tensor, values: Tensor, times: Tensor) -> "Past":
        """With one entry more: keys [B, 1, K], values [B, 1, V], times [B, 1] or [B, 0]."""
        slot = (self.seen % self.keys.shape[1])[:, None]
        timed = self.times.scatter(1, slot, times) if self.times.shape[1] else self.times
        return Past(self.seen + 1, _put(self.keys, slot, keys), _put(self.values, slot, values), timed)

    def after(self, keys: Tensor, values: Tensor, times: Tensor, seen: Tensor, ends: Tensor) -> "Past":
        """After a chunk of T entries, keys [B, T, K] and so on, of which the first `ends` [B] are there.

        seen  [B] how many entries there then are since the start or the last reset
        """
        last = Past(seen, self.keys, self.values, self.times).places()
        there = last > -seen[:, None]
        chunk = (
            last + ends[:, None] - 1
        )  # where in the chunk the entry of a slot is; negative: it lies in the slot
        new, index = there & (chunk >= 0), chunk.clamp(min=0)

        def merged(old: Tensor, entries: Tensor) -> Tensor:
            if old.shape[1] == 0 or entries.shape[1] == 0:
                return old
            wide = (slice(None), slice(None), *(None,) * (old.dim() - 2))
            taken = entries.gather(1, index[wide].expand(-1, -1, *old.shape[2:]))
            kept = old.masked_fill(~there[wide], 0)
            return torch.where(new[wide], taken, kept)

        return Past(seen, merged(self.keys, keys), merged(self.values, values), merged(self.times, times))


class Sight(NamedTuple):
    """What queries may see of entries: query t sees entry s where first_t <= at_s <= last_t.

    at     [B, S] places of the entries
    first  [B, T], last [B, T]
    bias   [B, heads, T, S] what is added before the softmax, or None
    """

    at: Tensor
    first: Tensor
    last: Tensor
    bias: Tensor | None = None

    def visible(self) -> Tensor:
        """Booleans [B, 1, T, S]."""
        at = self.at[:, None]
        return ((at >= self.first[..., None]) & (at <= self.last[..., None]))[:, None]

    def numbers(self) -> tuple[Tensor, Tensor]:
        """The number of each entry among those that a query sees, from 0 [B, T, S], and how many it sees [B, T]."""
        return self.at[:, None] - self.first[..., None], self.last - self.first + 1

    def shares(self, energies: Tensor) -> Tensor:
        """The softmax of energies [B, heads, T, S] over what is seen; zeros where nothing is."""
        if self.bias is not None:
            energies = energies + self.bias
        visible = self.visible()
        return softmax_over(energies, visible)


def checked_past(state: State, expected: list[list[int]], name: str) -> Past:
    """The state that was given. Raises ShapeError unless its tensors have the expected shapes."""
    if not isinstance(state, tuple) or [list(getattr(part, "shape", ())) for part in state] != expected:
        got = [described(part) for part in state] if isinstance(state, tuple) else described(state)
        raise ShapeError(
            f"{name}: the state must be a Past(seen, keys, values, times), in a batch of the shapes {expected}; "
            f"got {got}"
        )
    return Past(*state)  # type: ignore[arg-type]


def softmax_over(energies: Tensor, visible: Tensor) -> Tensor:
    """The softmax along the last dimension over what is visible; zeros where nothing is."""
    blind = ~visible.any(-1, keepdim=True)  # a softmax over nothing is no number, and neither is its gradient
    return energies.masked_fill(~(visible | blind), -torch.inf).softmax(-1).masked_fill(~visible, 0)


def by_age(weights: Tensor, sight: Sight, window: int) -> Tensor:
    """Weights on entries [B, heads, T, S] as weights on ages [B, heads, T, window]: age 0 is the query's own event."""
    age = (sight.last[..., None] - sight.at[:, None])[:, None].expand_as(
        weights
    )  # unseen entries have weight zero
    zeros = weights.new_zeros(*weights.shape[:3], window)
    return zeros.scatter_add(3, age.clamp(0, window - 1), weights)


def _put(ring: Tensor, slot: Tensor, entry: Tensor) -> Tensor:
    return ring.scatter(1, slot[..., None].expand(-1, -1, ring.shape[2]), entry)
