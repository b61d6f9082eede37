"""Interface of a watcher's memory, and recurrent memories."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ...errors import InputError, ShapeError
from ...layers import Recurrent
from ...memory import LSTMNCell
from .window import EntryWindow, extend


class AttentionWeights(NamedTuple):
    """Largest attention weights of each moment, [T, B, n], in descending order.

    weights  of past moments, among all that were held; they sum to one or less
    times    of those moments, in seconds
    """

    weights: Tensor
    times: Tensor


@dataclass(frozen=True)
class Reach:
    """Span of the past that a memory can look at.

    entries   how many past moments are held
    stride    one in so many seconds is; 0: all are
    shortest  seconds between two of them, at the rate that the watcher watches at
    """

    entries: int
    stride: float
    shortest: float

    @property
    def longest(self) -> float:
        """Seconds from now to the oldest moment that is held."""
        return self.entries * max(self.stride, self.shortest)


class WatcherMemory(Protocol):
    """A memory over the frame classifier's embeddings.

    `memory(x, state, resets=resets, times=times, query=query)` gives features [Q, B, output_size] and the state.

    x       [T, B, E]
    state   what the call before returned, tensors in tuples; None: nothing was seen
    resets  [T, B] booleans: a deployment begins, and nothing before it is remembered
    times   [T, B] seconds, float64, rising from moment to moment within a deployment
    asked   of which moments features are wanted, a slice of T

    A sequence, chunks with the state carried over, and single moments give the same. Nothing depends on what comes
    later. `reach` says how far back it looks, None where it cannot say what it looked at; `look` says what.
    """

    @property
    def output_size(self) -> int | None: ...

    @property
    def reach(self) -> Reach | None: ...

    @property
    def query_every(self) -> int: ...

    def __call__(
        self,
        x: Tensor,
        state: Any = None,
        *,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        query: slice = slice(None),
    ) -> tuple[Tensor, Any]: ...

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]: ...


class RecurrentMemory(Recurrent):
    """A cell as a memory: what it saw is in its state, overwritten bit by bit, and it cannot say what it looked at."""

    reach: Reach | None = None
    query_every = 1

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        lengths: Any = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        query: slice = slice(None),
    ) -> tuple[Tensor, Any]:
        """As `WatcherMemory` has it; `times` are not looked at."""
        y, state = super().forward(x, state, lengths, resets)
        return y[query], state

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """Raises InputError."""
        raise InputError(
            f"{type(self.cell).__name__}: a recurrent memory cannot say what it looked at; give the watcher a memory "
            "that is searched, as attention or lstm+bank"
        )


class LSTMNMemory(RecurrentMemory):
    """An LSTMN as a memory: its tape says what it looked at. The state is its own and, for the times, a
    `EntryWindow`."""

    cell: LSTMNCell

    def __init__(self, cell: LSTMNCell, shortest: float) -> None:
        super().__init__(cell)
        self.reach = Reach(cell.window, 0.0, shortest)

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        lengths: Any = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        query: slice = slice(None),
    ) -> tuple[Tensor, Any]:
        """As `WatcherMemory` has it."""
        tape, kept = self._parts(state, x)
        _, kept = extend(kept, x[..., :0], checked_times(times, x), resets, 0.0)
        y, tape = super().forward(x, tape, lengths, resets, query=query)
        return y, (tape, kept)

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """As `WatcherMemory` has it: the weights by which gates saw the memories of earlier steps."""
        tape, kept = self._parts(state, x)
        view, _ = extend(kept, x[..., :0], checked_times(times, x), resets, 0.0)
        weights = self.activations(x, tape, resets=resets)["weights"].transpose(
            0, 1
        )  # [B, T, W], the step before first
        place = view.last[..., None] - 1 - torch.arange(self.cell.window, device=x.device)
        then = view.times.gather(1, place.clamp(min=0).flatten(1)).view(place.shape)
        y, after = self(x, state, resets=resets, times=times)
        return y, after, most(weights, then)

    def _parts(self, state: Any, x: Tensor) -> tuple[Any, EntryWindow]:
        if state is None:
            return None, EntryWindow.empty(x.shape[1], self.cell.window, 0, x)
        tape, kept = state
        return tape, EntryWindow(*kept)


def most(weights: Tensor, times: Tensor, count: int = 32) -> AttentionWeights:
    """The largest weights [B, T, S] and the times [B, T, S] they belong to, as `AttentionWeights` has them."""
    largest, where = weights.topk(min(count, weights.shape[-1]), -1)
    return AttentionWeights(largest.transpose(0, 1), times.gather(-1, where).transpose(0, 1))


def checked_times(times: Tensor | None, x: Tensor) -> Tensor:
    """The seconds of events [T, B, ...]. Raises InputError where there are none, ShapeError for another shape."""
    if times is None:
        raise InputError(
            "this memory looks at how long ago things were: pass times, the seconds of each moment [T, B]"
        )
    if times.shape != x.shape[:2]:
        raise ShapeError(
            f"times must be seconds {list(x.shape[:2])}, one for each moment; got {list(times.shape)}"
        )
    return times.double()
