"""Base class of attention layers: over their own past, step by step, or over another sequence."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import checked_lengths, described, laid_out, with_batch
from ...layers.cell.state import State, transform
from ...layers.cell.symbolic_trace import SYMBOLIC, traced_call
from ..arguments import checked_entries, checked_events, checked_time, checked_times
from .blocks import attend_memory, attend_past
from .past import Past, Visibility, checked_past, weights_by_age
from .positions import Position, RelativeTime, Rotary, Sinusoidal, check_position


class Attention(nn.Module):
    """Base class of attention layers.

        weights_ts = softmax_s(energy(query_t, key_s)),    context_t = sum_s weights_ts value_s

    As a layer, `attention(x, state)`, the entries are the layer's own last `window` events, including the current one.
    Over another sequence, `attention.over(x, memory)`, they are all entries of that sequence. Subclasses define
    queries, keys, values, energies and outputs: `AdditiveAttention`, `LuongAttention`, `MultiHeadAttention`.

    Attributes:
        block: Queries that are processed together; bounds the memory for long sequences.

    Args:
        input_size: Features of an event.
        entry_size: Features of an entry; None for `input_size`.
        heads: Number of attention heads.
        window: Number of visible events, including the current one; None for use over another sequence only.
        position: Position encoding, `Sinusoidal()`, `Rotary()` or `RelativeTime()`; None for no information on order.
        batch_first: Whether events, outputs and weights are [B, T, ...] and not [T, B, ...].

    Raises:
        InputError: A size is not a positive integer, or the options contradict each other.
    """

    key_size: int
    value_size: int
    output_size: int
    block = 128

    def __init__(
        self,
        input_size: int,
        entry_size: int | None,
        heads: int,
        window: int | None,
        position: Position | None,
        batch_first: bool,
    ) -> None:
        super().__init__()
        self.input_size = positive("input_size", input_size)
        self.entry_size = input_size if entry_size is None else positive("entry_size", entry_size)
        self.heads = positive("heads", heads)
        self.window = None if window is None else positive("window", window)
        self.position, self.batch_first = check_position(position), batch_first
        if isinstance(position, Sinusoidal) and (self.input_size % 2 or self.entry_size % 2):
            raise InputError(
                f"Sinusoidal() needs even sizes: input_size and entry_size must be even; got {self.input_size} and "
                f"{self.entry_size}"
            )
        self.time_bias: nn.Parameter | None
        self.register_parameter("time_bias", None)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of entries.

        Args:
            memory: Entries [B, S, entry_size].
            positions: Positions of the entries [B, S].

        Returns:
            Keys [B, S, key_size] and values [B, S, value_size].
        """
        raise NotImplementedError

    def attend(
        self,
        x: Tensor,
        positions: Tensor,
        keys: Tensor,
        values: Tensor,
        visibility: Visibility,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of events to entries.

        Args:
            x: Events [B, T, input_size].
            positions: Positions of the events [B, T].
            keys: Keys [B, S, key_size].
            values: Values [B, S, value_size].
            visibility: Entries that each event may read.
            need_weights: Whether the weights are returned.

        Returns:
            Outputs [B, T, output_size], and weights [B, heads, T, S] or None.
        """
        raise NotImplementedError

    def initial_state(
        self,
        batch: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Past:
        """Empty state.

        Args:
            batch: Number of sequences, B.
            device: Device; None for that of the parameters.
            dtype: Type; None for that of the parameters.

        Returns:
            The state.
        """
        like = next(self.parameters())
        device, dtype = device or like.device, dtype or like.dtype
        window = self._required_window()
        return Past.empty(
            batch, window, self.key_size, self.value_size, timed=self._timed, device=device, dtype=dtype
        )

    def forward(
        self,
        x: Tensor,
        state: Past | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        need_weights: bool = False,
    ) -> tuple[Any, ...]:
        """Outputs over a sequence and the state after it.

        Each event attends to the last `window` events including itself.

        Sequences, chunks with the state carried over, and single steps give the same numbers.

        Args:
            x: Events [T, B, I], [B, T, I] with batch_first, or [T, I] without a batch.
            state: `Past` before the sequence; None for an empty one.
            lengths: Number of events of each sequence, [B] integers in 0..T; later outputs and weights are zero, and
                the state is that at the end of the sequence.
            resets: Booleans laid out as x, [T, B]: True makes all events before this one invisible.
            times: Seconds laid out as `resets`; required by `RelativeTime`.
            need_weights: Whether to return the weights.

        Returns:
            (y, state), or (y, state, weights) with weights [T, B, heads, window], laid out as x, by age: the current
            event is first; missing events have weight zero.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: Lengths are out of range, times are missing, or times are given although they are not used.
        """
        if isinstance(x, SYMBOLIC):
            options = {
                "lengths": lengths,
                "resets": resets,
                "times": times,
                "need_weights": need_weights or None,
            }
            return traced_call(self, x, state=state, **options)
        batched, (x, carried, lengths, resets) = laid_out(x, state, lengths, resets, self.batch_first)
        x = checked_events(x, self.input_size, type(self).__name__)
        resets = None if resets is None else resets.transpose(0, 1)
        when = checked_times(times, x.shape[:2], batched, self.batch_first, self._timed, x.device)
        before = self._previous_state(x, carried)
        y, past, weights = attend_past(
            self, x, before, state is not None, lengths, resets, when, need_weights
        )
        after = past if batched else transform(lambda tensor: tensor.squeeze(0), past)
        return (self._in_layout(y, batched), after, *(self._in_layout(w, batched) for w in weights))

    @overload
    def step(
        self, x_t: Tensor, state: Past | None = ..., *, time: Any = ..., need_weights: Literal[False] = ...
    ) -> tuple[Tensor, Past]: ...

    @overload
    def step(
        self, x_t: Tensor, state: Past | None = ..., *, time: Any = ..., need_weights: Literal[True]
    ) -> tuple[Tensor, Past, Tensor]: ...

    def step(
        self, x_t: Tensor, state: Past | None = None, *, time: Any = None, need_weights: bool = False
    ) -> tuple[Any, ...]:
        """Output of one event and the state after it, in constant time.

        Args:
            x_t: Event [B, I], or [I] without a batch.
            state: `Past` before the event; None for an empty one.
            time: Seconds, [B] or one number; required by `RelativeTime`.
            need_weights: Whether to return the weights.

        Returns:
            (y_t, state), or (y_t, state, weights) with weights [B, heads, window] or [heads, window], by age.

        Raises:
            ShapeError: A shape is wrong.
            InputError: The time is missing, or is given although it is not used.
        """
        if not isinstance(x_t, Tensor) or x_t.dim() not in (1, 2):
            raise ShapeError(f"an event must be [B, I], or [I] without a batch; got {described(x_t)}")
        batched = x_t.dim() == 2
        x = checked_events(x_t[None] if batched else x_t[None, None], self.input_size, type(self).__name__)
        past = self._previous_state(x, with_batch(state, len(x), batched))
        when = checked_time(time, len(x), batched, self._timed, x.device)
        now, window = past.seen[:, None], past.keys.shape[1]
        x = self.encoded(x, now)
        past = past.written(*self.entries(x, now), when)
        first, last = -now.clamp(max=window - 1), torch.zeros_like(now)
        visibility = self.visibility(past.offsets(), first, last, when, past.times)
        y, weights = self.attend(x, now, past.keys, past.values, visibility, need_weights)
        results = [y] if weights is None else [y, weights_by_age(weights, visibility, window).transpose(1, 2)]
        y, *rest = [tensor.squeeze(1) if batched else tensor[0, 0] for tensor in results]
        return (y, past if batched else transform(lambda tensor: tensor.squeeze(0), past), *rest)

    def over(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        memory_lengths: Tensor | Sequence[int] | None = None,
        times: Tensor | None = None,
        memory_times: Tensor | None = None,
        need_weights: bool = False,
    ) -> Any:
        """Outputs of attention over another sequence, all of whose entries are visible.

        Args:
            x: Events [T, B, I], [B, T, I] with batch_first, or [T, I] without a batch.
            memory: Entries [S, B, entry_size], laid out as x.
            lengths: [B] integers in 0..T; later outputs and weights are zero.
            memory_lengths: [B] integers in 0..S; later entries are invisible. The context is zero if nothing is
                visible.
            times: Seconds of x, laid out as x; required by `RelativeTime`.
            memory_times: Seconds of memory, laid out as memory; required by `RelativeTime`.
            need_weights: Whether to return the weights.

        Returns:
            y, or (y, weights) with weights [T, B, heads, S], laid out as x.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: Lengths are out of range, times are missing, or times are given although they are not used.
        """
        batched, (x, _, lengths, _) = laid_out(x, None, lengths, None, self.batch_first)
        memory = checked_entries(
            memory, self.entry_size, x.shape[1], batched, self.batch_first, type(self).__name__
        )
        x = checked_events(x, self.input_size, type(self).__name__)
        when = checked_times(times, x.shape[:2], batched, self.batch_first, self._timed, x.device)
        then = checked_times(memory_times, memory.shape[:2], batched, self.batch_first, self._timed, x.device)
        if memory_lengths is not None:
            rows = len(x) if batched else None
            memory_lengths = checked_lengths(memory_lengths, memory.shape[1], rows, "memory_lengths")
        results = attend_memory(self, x, memory, lengths, memory_lengths, when, then, need_weights)
        laid = [self._in_layout(tensor, batched) for tensor in results]
        return tuple(laid) if need_weights else laid[0]

    def extra_repr(self) -> str:
        options = {"entry_size": self.entry_size, "heads": self.heads, "window": self.window}
        if self.entry_size == self.input_size:
            del options["entry_size"]
        parts = [f"{name}={value!r}" for name, value in options.items()]
        parts += [] if self.position is None else [repr(self.position)]
        return ", ".join([str(self.input_size), *parts, *(["batch_first=True"] if self.batch_first else [])])

    def _add_time_bias(self, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        if isinstance(self.position, RelativeTime):
            zeros = torch.zeros(self.heads, self.position.knots, device=device, dtype=dtype)
            self.time_bias = nn.Parameter(zeros)

    def _rotated(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Queries or keys [B, T, ..., n] rotated by their positions [B, T] if the encoding is rotary."""
        if not isinstance(self.position, Rotary):
            return vectors
        return self.position.rotated(vectors, positions[(..., *(None,) * (vectors.dim() - 3))])

    @property
    def _timed(self) -> bool:
        return isinstance(self.position, RelativeTime)

    def _required_window(self) -> int:
        if self.window is None:
            raise InputError(
                f"{type(self).__name__} without a window attends over another sequence only: call `over`, or pass "
                "window=, the number of visible events of its own past"
            )
        return self.window

    def _previous_state(self, x: Tensor, state: State | None) -> Past:
        """State before events [B, T, I], checked; an empty one if `state` is None."""
        if state is None:
            return self.initial_state(len(x), device=x.device, dtype=x.dtype)
        window = self._required_window()
        sizes = ((), (window, self.key_size), (window, self.value_size), (window * self._timed,))
        return checked_past(state, [[len(x), *size] for size in sizes], type(self).__name__)

    def encoded(self, x: Tensor, positions: Tensor) -> Tensor:
        """Events plus the sinusoidal encoding of their positions, if there is one.

        Args:
            x: Events [B, T, n].
            positions: Positions [B, T].

        Returns:
            Events [B, T, n].
        """
        if not isinstance(self.position, Sinusoidal):
            return x
        return x + self.position.encoding(positions, x.shape[-1], x.dtype)

    def visibility(self, at: Tensor, first: Tensor, last: Tensor, when: Tensor, then: Tensor) -> Visibility:
        """Visibility of entries to queries, with biases of the time passed.

        Args:
            at: Positions of the queries [B, T].
            first: First entry that each query may read.
            last: Last entry that each query may read.
            when: Times of the queries [B, T].
            then: Times of the entries [B, S].

        Returns:
            The visibility.
        """
        if not isinstance(self.position, RelativeTime) or self.time_bias is None:
            return Visibility(at, first, last)
        return Visibility(
            at, first, last, self.position.bias(when[..., None] - then[:, None], self.time_bias)
        )

    def _in_layout(self, tensor: Tensor, batched: bool) -> Tensor:
        if not batched:
            return tensor.squeeze(0)
        return tensor if self.batch_first else tensor.transpose(0, 1)
