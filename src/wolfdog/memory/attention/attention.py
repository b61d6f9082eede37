"""What every attention has in common: it runs over its own past, step by step, or over another sequence."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from ...cells.cell import positive
from ...errors import InputError, ShapeError
from ...layers.cell.arguments import checked_lengths, described, laid_out, with_batch
from ...layers.cell.state import State, transform
from ..arguments import entries, events, seconds, seconds_now
from .blocks import over_memory, over_own_past
from .past import Past, Sight, by_age, checked_past
from .positions import Position, RelativeTime, Rotary, Sinusoidal, check_position


class Attention(nn.Module):
    """Attention: queries are held against entries, and what is read is the mean of the entries by the weights found.

        weights_ts = softmax_s(energy(query_t, key_s)),    context_t = sum_s weights_ts value_s

    As a layer, `attention(x, state)`, the entries are those of the layer's own last `window` events, the event itself
    among them. Over another sequence, `attention.over(x, memory)`, they are all of that sequence. Subclasses say what
    queries, keys, values, energies and outputs are: `AdditiveAttention`, `LuongAttention`, `MultiHeadAttention`.

    window       how many events can be seen, the event itself among them; None for use over another sequence alone
    position     `Sinusoidal()`, `Rotary()`, `RelativeTime()`, or None: attention does not know what came when
    batch_first  events, outputs and weights are [B, T, ...] in the place of [T, B, ...]

    Raises InputError for sizes that are no positive whole numbers and for options that contradict each other.
    """

    key_size: int
    value_size: int
    output_size: int
    block = 128
    """How many queries are held against their entries at a time: what is computed stays small for long sequences."""

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
                f"Sinusoidal() adds pairs of waves: input_size and entry_size must be even; got {self.input_size} and "
                f"{self.entry_size}"
            )
        self.time_bias: nn.Parameter | None
        self.register_parameter("time_bias", None)

    def entries(self, memory: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Keys [B, S, key_size] and values [B, S, value_size] of what is attended to [B, S, entry_size]."""
        raise NotImplementedError

    def attend(
        self, x: Tensor, positions: Tensor, keys: Tensor, values: Tensor, sight: Sight, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Outputs [B, T, output_size] of events [B, T, input_size]; weights [B, heads, T, S] where they are needed."""
        raise NotImplementedError

    def initial_state(
        self,
        batch: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Past:
        """The state before anything was seen; device and dtype are the parameters' unless given."""
        like = next(self.parameters())
        device, dtype = device or like.device, dtype or like.dtype
        return Past.empty(
            batch, self._needed_window(), self.key_size, self.value_size, self._timed, device, dtype
        )

    def forward(
        self,
        x: Tensor,
        state: Past | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        need_weights: bool = False,
    ) -> tuple[Any, ...]:
        """The outputs over a sequence and the state after it, (y, state), or (y, state, weights): each event attends
        to the last `window` events, itself among them.

        x        [T, B, I], [B, T, I] with batch_first, or [T, I] without a batch
        state    a `Past`: what was seen before the sequence; nothing where None
        lengths  [B] whole numbers in 0..T: from there on outputs and weights are zero and the state is frozen
        resets   booleans laid out as x, [T, B]: where true, nothing before that event is seen any more
        times    seconds, laid out as resets: wanted by `RelativeTime`
        weights  where need_weights is true, [T, B, heads, window], laid out as x: by age, that of the event itself
                 first; zero where there was nothing

        Sequence and steps give the same numbers, and so do chunks with the state carried over.
        Raises ShapeError for a wrong shape or dtype, InputError for lengths out of range, for missing times and for
        times that nothing looks at.
        """
        batched, (x, carried, lengths, resets) = laid_out(x, state, lengths, resets, self.batch_first)
        x = events(x, self.input_size, type(self).__name__)
        resets = None if resets is None else resets.transpose(0, 1)
        when = seconds(times, x.shape[:2], batched, self.batch_first, self._timed, x.device)
        before, given = self._before(x, carried), state is not None
        y, past, weights = over_own_past(self, x, before, given, lengths, resets, when, need_weights)
        after = past if batched else transform(lambda tensor: tensor.squeeze(0), past)
        return (self._laid_back(y, batched), after, *(self._laid_back(w, batched) for w in weights))

    @overload
    def step(
        self, x_t: Tensor, state: Past | None = ..., time: Any = ..., need_weights: Literal[False] = ...
    ) -> tuple[Tensor, Past]: ...

    @overload
    def step(
        self, x_t: Tensor, state: Past | None = ..., time: Any = ..., *, need_weights: Literal[True]
    ) -> tuple[Tensor, Past, Tensor]: ...

    def step(
        self, x_t: Tensor, state: Past | None = None, time: Any = None, need_weights: bool = False
    ) -> tuple[Any, ...]:
        """The output of one event x_t [B, I], or [I] without a batch, and the state after it, in constant time.

        time     [B] seconds, or one number: wanted by `RelativeTime`
        weights  where need_weights is true, a third thing returned, [B, heads, window] by age, or [heads, window]

        Raises ShapeError for a wrong shape, InputError as the call.
        """
        if not isinstance(x_t, Tensor) or x_t.dim() not in (1, 2):
            raise ShapeError(f"an event must be [B, I], or [I] without a batch; got {described(x_t)}")
        batched = x_t.dim() == 2
        x = events(x_t[None] if batched else x_t[None, None], self.input_size, type(self).__name__)
        past = self._before(x, with_batch(state, len(x), batched))
        when = seconds_now(time, len(x), batched, self._timed, x.device)
        now, window = past.seen[:, None], past.keys.shape[1]
        x = self.placed(x, now)
        past = past.written(*self.entries(x, now), when)
        sight = self.sight(past.places(), -now.clamp(max=window - 1), torch.zeros_like(now), when, past.times)
        y, weights = self.attend(x, now, past.keys, past.values, sight, need_weights)
        found = [y] if weights is None else [y, by_age(weights, sight, window).transpose(1, 2)]
        y, *rest = [tensor.squeeze(1) if batched else tensor[0, 0] for tensor in found]
        return (y, past if batched else transform(lambda tensor: tensor.squeeze(0), past), *rest)

    def over(
        self,
        x: Tensor,
        memory: Tensor,
        lengths: Tensor | Sequence[int] | None = None,
        memory_lengths: Tensor | Sequence[int] | None = None,
        times: Tensor | None = None,
        memory_times: Tensor | None = None,
        need_weights: bool = False,
    ) -> Any:
        """The outputs y of attention over another sequence, all of which is seen; or (y, weights).

        x               [T, B, I], [B, T, I] with batch_first, or [T, I] without a batch
        memory          [S, B, entry_size], laid out as x
        lengths         [B] in 0..T: from there on outputs and weights are zero
        memory_lengths  [B] in 0..S: what lies behind is not seen; where nothing is seen, the context is zero
        times           seconds of x, memory_times of memory, laid out as they are: wanted by `RelativeTime`
        weights         where need_weights is true, [T, B, heads, S], laid out as x

        Raises ShapeError for a wrong shape or dtype, InputError as the call.
        """
        batched, (x, _, lengths, _) = laid_out(x, None, lengths, None, self.batch_first)
        memory = entries(memory, self.entry_size, x.shape[1], batched, self.batch_first, type(self).__name__)
        x = events(x, self.input_size, type(self).__name__)
        when = seconds(times, x.shape[:2], batched, self.batch_first, self._timed, x.device)
        then = seconds(memory_times, memory.shape[:2], batched, self.batch_first, self._timed, x.device)
        if memory_lengths is not None:
            rows = len(x) if batched else None
            memory_lengths = checked_lengths(memory_lengths, memory.shape[1], rows, "memory_lengths")
        found = over_memory(self, x, memory, lengths, memory_lengths, when, then, need_weights)
        laid = [self._laid_back(tensor, batched) for tensor in found]
        return tuple(laid) if need_weights else laid[0]

    def extra_repr(self) -> str:
        options = {"entry_size": self.entry_size, "heads": self.heads, "window": self.window}
        if self.entry_size == self.input_size:
            del options["entry_size"]
        shown = [f"{name}={value!r}" for name, value in options.items()]
        shown += [] if self.position is None else [repr(self.position)]
        return ", ".join([str(self.input_size), *shown, *(["batch_first=True"] if self.batch_first else [])])

    def _add_time_bias(self, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        if isinstance(self.position, RelativeTime):
            zeros = torch.zeros(self.heads, self.position.knots, device=device, dtype=dtype)
            self.time_bias = nn.Parameter(zeros)

    def _turned(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Queries or keys [B, T, ..., n] at their positions [B, T], turned where the position is rotary."""
        if not isinstance(self.position, Rotary):
            return vectors
        return self.position.turned(vectors, positions[(..., *(None,) * (vectors.dim() - 3))])

    @property
    def _timed(self) -> bool:
        return isinstance(self.position, RelativeTime)

    def _needed_window(self) -> int:
        if self.window is None:
            raise InputError(
                f"{type(self).__name__} without a window attends over another sequence alone: call `over`, or give it "
                "a window, the number of events that it sees of its own past"
            )
        return self.window

    def _before(self, x: Tensor, state: State | None) -> Past:
        """The state before events [B, T, I]: nothing where none was given."""
        if state is None:
            return self.initial_state(len(x), x.device, x.dtype)
        window = self._needed_window()
        sizes = ((), (window, self.key_size), (window, self.value_size), (window * self._timed,))
        return checked_past(state, [[len(x), *size] for size in sizes], type(self).__name__)

    def placed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Events [B, T, n] with waves of their positions [B, T], where such are added."""
        if not isinstance(self.position, Sinusoidal):
            return x
        return x + self.position.waves(positions, x.shape[-1], x.dtype)

    def sight(self, at: Tensor, first: Tensor, last: Tensor, when: Tensor, then: Tensor) -> Sight:
        """What queries at times `when` [B, T] may see of entries from times `then` [B, S]."""
        if not isinstance(self.position, RelativeTime) or self.time_bias is None:
            return Sight(at, first, last)
        return Sight(at, first, last, self.position.bias(when[..., None] - then[:, None], self.time_bias))

    def _laid_back(self, tensor: Tensor, batched: bool) -> Tensor:
        if not batched:
            return tensor.squeeze(0)
        return tensor if self.batch_first else tensor.transpose(0, 1)
