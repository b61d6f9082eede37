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

    Attributes:
        weights: Of past moments, among all that were held; they sum to one or less.
        times: Of those moments, in seconds.
    """

    weights: Tensor
    times: Tensor


@dataclass(frozen=True)
class Reach:
    """Span of the past that a memory holds.

    Attributes:
        entries: Number of past moments that are held.
        stride: Least number of seconds between two of them; 0: every moment is held.
        shortest: Seconds between two of them at the watcher's frame rate.
    """

    entries: int
    stride: float
    shortest: float

    @property
    def longest(self) -> float:
        """Seconds from now to the oldest moment that is held."""
        return self.entries * max(self.stride, self.shortest)


class WatcherMemory(Protocol):
    """Memory over the frame classifier's embeddings.

    `memory(x, state, resets=resets, times=times, query=query)` returns features [Q, B, output_size] and the state. A
    whole sequence, chunks with the state carried over, and single moments give the same features; none depends on later
    moments. `reach` is the span of the past that is held, None where the memory has no attention weights; `look` also
    returns these weights.

    Args:
        x: Embeddings [T, B, E].
        state: State that the previous call returned, tensors in tuples; None: initial state.
        resets: [T, B] booleans: True where a deployment begins and the state is cleared.
        times: [T, B] seconds, float64, increasing within a deployment.
        query: Slice of T: the moments that features are computed for.
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
    """Recurrent cell as a memory; its state is overwritten at each step, and it has no attention weights."""

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
        """Features and state; see `WatcherMemory`. The `times` are ignored."""
        y, state = super().forward(x, state, lengths, resets)
        return y[query], state

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """Refusal of attention weights, which a recurrent memory does not have.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"{type(self.cell).__name__}: a recurrent memory cannot say what it looked at; give the watcher a memory "
            "that is searched, as attention or lstm+bank"
        )


class LSTMNMemory(RecurrentMemory):
    """LSTMN as a memory, with the attention weights over its tape.

    The state is a pair of the LSTMN's state and an `EntryWindow`, which holds the times.
    """

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
        """Features and state; see `WatcherMemory`."""
        tape, kept = self._parts(state, x)
        _, kept = extend(kept, x[..., :0], checked_times(times, x), resets, 0.0)
        y, tape = super().forward(x, tape, lengths, resets, query=query)
        return y, (tape, kept)

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """Features, state and the attention weights over earlier steps; see `WatcherMemory`."""
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
    """Largest attention weights of each moment.

    Args:
        weights: [T, B, S].
        times: [T, B, S] seconds.
        count: Number of weights at most.

    Returns:
        The weights in descending order, with their times.
    """
    largest, where = weights.topk(min(count, weights.shape[-1]), -1)
    return AttentionWeights(largest.transpose(0, 1), times.gather(-1, where).transpose(0, 1))


def checked_times(times: Tensor | None, x: Tensor) -> Tensor:
    """Times of embeddings [T, B, ...], checked.

    Returns:
        The times [T, B] in seconds.

    Raises:
        InputError: There are no times.
        ShapeError: The shape is not [T, B].
    """
    if times is None:
        raise InputError(
            "this memory looks at how long ago things were: pass times, the seconds of each moment [T, B]"
        )
    if times.shape != x.shape[:2]:
        raise ShapeError(
            f"times must be seconds {list(x.shape[:2])}, one for each moment; got {list(times.shape)}"
        )
    return times.double()
