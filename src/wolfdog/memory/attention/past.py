"""State of attention over its own past: a ring buffer of entries, and their visibility to queries."""

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ShapeError
from ...layers.cell.arguments import described
from ...layers.cell.state import State
from .weighting import Weighting, masked_softmax, stick_breaking


class Past(NamedTuple):
    """Ring buffer of the last W entries of each sequence; entry number p is in slot p mod W. Empty slots hold zeros.

    Attributes:
        seen: Number of entries since the start or the last reset, [B] integers.
        keys: Keys [B, W, K].
        values: Values [B, W, V].
        times: Seconds [B, W] in float64; [B, 0] if times are not used.

    Examples:
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
        *,
        timed: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "Past":
        """Empty state.

        Args:
            batch: Number of sequences, B.
            window: Number of entries that are held, W.
            key_size: Features of a key, K.
            value_size: Features of a value, V.
            timed: Whether entries have times.
            device: Device of the tensors.
            dtype: Type of the tensors.

        Returns:
            The state.
        """
        return cls(
            torch.zeros(batch, dtype=torch.int64, device=device),
            torch.zeros(batch, window, key_size, device=device, dtype=dtype),
            torch.zeros(batch, window, value_size, device=device, dtype=dtype),
            torch.zeros(batch, window if timed else 0, device=device, dtype=torch.float64),
        )

    def offsets(self) -> Tensor:
        """Ages of the slots' entries [B, W] as 0, -1, -2 ...; less than -(seen - 1) for an empty slot."""
        newest = self.seen[:, None] - 1
        slots = torch.arange(self.keys.shape[1], device=self.seen.device)
        return -((newest - slots) % self.keys.shape[1])

    def written(self, keys: Tensor, values: Tensor, times: Tensor) -> "Past":
        """State with one more entry.

        Args:
            keys: Keys [B, 1, K].
            values: Values [B, 1, V].
            times: Times [B, 1], or [B, 0] without times.

        Returns:
            The state.
        """
        slot = (self.seen % self.keys.shape[1])[:, None]
        timed = self.times.scatter(1, slot, times) if self.times.shape[1] else self.times
        return Past(self.seen + 1, _put(self.keys, slot, keys), _put(self.values, slot, values), timed)

    def after(self, keys: Tensor, values: Tensor, times: Tensor, seen: Tensor, lengths: Tensor) -> "Past":
        """State after a chunk of T entries, of which the first `lengths` [B] are valid.

        Args:
            keys: [B, T, K].
            values: [B, T, V].
            times: [B, T] or [B, 0].
            seen: Number of entries after the chunk since the start or the last reset, [B].
            lengths: Number of valid entries of the chunk, [B].
        """
        last = Past(seen, self.keys, self.values, self.times).offsets()
        filled = last > -seen[:, None]
        chunk = last + lengths[:, None] - 1  # index in the chunk of a slot's entry; negative if it is older
        new, index = filled & (chunk >= 0), chunk.clamp(min=0)

        def merged(old: Tensor, entries: Tensor) -> Tensor:
            if old.shape[1] == 0 or entries.shape[1] == 0:
                return old
            wide = (slice(None), slice(None), *(None,) * (old.dim() - 2))
            new_entries = entries.gather(1, index[wide].expand(-1, -1, *old.shape[2:]))
            old_entries = old.masked_fill(~filled[wide], 0)
            return torch.where(new[wide], new_entries, old_entries)

        return Past(seen, merged(self.keys, keys), merged(self.values, values), merged(self.times, times))


class Visibility(NamedTuple):
    """Visibility of entries to queries: query t sees entry s if first_t <= at_s <= last_t.

    Attributes:
        at: Positions of the entries [B, S].
        first: First visible position [B, T].
        last: Last visible position [B, T].
        bias: Additive bias of the energies [B, heads, T, S], or None.
    """

    at: Tensor
    first: Tensor
    last: Tensor
    bias: Tensor | None = None

    def mask(self) -> Tensor:
        """Booleans [B, 1, T, S]: True for visible entries."""
        at = self.at[:, None]
        return ((at >= self.first[..., None]) & (at <= self.last[..., None]))[:, None]

    def indices(self) -> tuple[Tensor, Tensor]:
        """Index of each entry among those visible to a query, from 0, [B, T, S], and their number [B, T]."""
        return self.at[:, None] - self.first[..., None], self.last - self.first + 1

    def weights(self, energies: Tensor, weighting: Weighting = "softmax") -> Tensor:
        """Weights of the visible entries by energies [B, heads, T, S]; zeros if none is visible."""
        if self.bias is not None:
            energies = energies + self.bias
        visible = self.mask()
        if weighting == "softmax":
            return masked_softmax(energies, visible)
        # A ring buffer is not in the order of time.
        order = self.at.argsort(-1)[:, None, None].expand_as(energies)
        in_order = stick_breaking(energies.gather(-1, order), visible.expand_as(energies).gather(-1, order))
        return torch.zeros_like(in_order).scatter(-1, order, in_order)


def checked_past(state: State, expected: list[list[int]], name: str) -> Past:
    """State as a `Past`.

    Raises:
        ShapeError: Its tensors do not have the expected shapes.
    """
    if not isinstance(state, tuple) or [list(getattr(part, "shape", ())) for part in state] != expected:
        got = [described(part) for part in state] if isinstance(state, tuple) else described(state)
        raise ShapeError(
            f"{name}: the state must be a Past(seen, keys, values, times) with tensors of the shapes {expected}; "
            f"got {got}"
        )
    return Past(*state)  # type: ignore[arg-type]


def weights_by_age(weights: Tensor, visibility: Visibility, window: int) -> Tensor:
    """Weights of entries [B, heads, T, S] as weights of ages [B, heads, T, window]: age 0 is the query's own event."""
    age = (visibility.last[..., None] - visibility.at[:, None])[:, None].expand_as(weights)
    zeros = weights.new_zeros(*weights.shape[:3], window)
    return zeros.scatter_add(3, age.clamp(0, window - 1), weights)


def _put(ring: Tensor, slot: Tensor, entry: Tensor) -> Tensor:
    return ring.scatter(1, slot[..., None].expand(-1, -1, ring.shape[2]), entry)
