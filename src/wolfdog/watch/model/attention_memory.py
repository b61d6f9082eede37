"""Attention memory over stored embeddings, with or without a recurrent layer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...layers import Recurrent
from .memory import AttentionWeights, Reach, checked_times, most
from .readers import Reader
from .window import EntryWindow, WindowView, extend


class AttentionMemory(nn.Module):
    """Memory of past embeddings that is read by attention at every moment.

        without a layer    entries e_1, ..., e_t;    y_t = tanh(W e_t + read(e_t))
        with one           entries h_1, ..., h_t;    y_t = [h_t, read(h_t)],    h_t, state_t = layer(e_t, state_{t-1})

    Of the entries the last `reach.entries` are held, at most one in `reach.stride` seconds. The state is an
    `EntryWindow`, or a pair of the layer's state and an `EntryWindow`.

    Args:
        input_size: Size of an embedding.
        hidden_size: Size of the reader's output and of the layer's.
        layer: Recurrent layer whose outputs are the entries; None: the embeddings are.
        reader: Factory of the reader, `reader(queries, entry, output, shortest, longest)`.
        reach: Span of the past that is held.
        query_every: In training, one of so many moments is evaluated, since adjacent ones are nearly the same.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layer: Recurrent | None,
        reader: Callable[[int, int, int, float, float], Reader],
        reach: Reach,
        query_every: int,
    ) -> None:
        super().__init__()
        self.layer, self.reach, self.query_every = layer, reach, query_every
        size = input_size if layer is None else hidden_size
        self.entry_size = size
        self.direct = nn.Linear(size, hidden_size, bias=False) if layer is None else None
        self.reader = reader(size, size, hidden_size, reach.shortest, reach.longest)
        self.output_size = hidden_size if layer is None else 2 * hidden_size

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        query: slice = slice(None),
    ) -> tuple[Tensor, Any]:
        """Features and state; see `WatcherMemory`."""
        y, state, _, _ = self._read(x, state, resets, times, query)
        return y, state

    def look(
        self, x: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """Features, state and attention weights; see `WatcherMemory`."""
        y, state, view, weights = self._read(x, state, resets, times, slice(None))
        return y, state, most(weights, view.times[:, None].expand_as(weights))

    def _read(
        self, x: Tensor, state: Any, resets: Tensor | None, times: Tensor | None, query: slice
    ) -> tuple[Tensor, Any, WindowView, Tensor]:
        of_layer, kept = self._parts(state, x)
        seen = x
        if self.layer is not None:
            seen, of_layer = self.layer(x, of_layer, resets=resets)
        when = checked_times(times, x)
        view, kept = extend(kept, seen, when, resets, self.reach.stride)
        queries = seen[query]
        read, weights = self.reader(queries.transpose(0, 1), view, query, when[query].transpose(0, 1))
        read = read.transpose(0, 1)
        y = torch.cat((queries, read), -1) if self.direct is None else torch.tanh(self.direct(queries) + read)
        return y, kept if self.layer is None else (of_layer, kept), view, weights

    def _parts(self, state: Any, x: Tensor) -> tuple[Any, EntryWindow]:
        if state is None:
            return None, EntryWindow.empty(x.shape[1], self.reach.entries, self.entry_size, x)
        of_layer, kept = (None, state) if self.layer is None else state
        return of_layer, EntryWindow(*kept)
