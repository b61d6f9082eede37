"""TruncatedBPTT backpropagation through time: an endless stream, learned from chunk by chunk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .cell.state import State, detach

Layer = Callable[..., tuple[Tensor, State]]
"""`layer(x, state)` to outputs and state: a layer, or a model with one inside."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a stream: events, and what goes with them.

    x        events, laid out as the layer takes them
    lengths  how many events of the chunk each sequence has, or None; handed on to the layer by this name
    resets   where something new begins, or None; handed on likewise
    target   whatever the loss needs
    """

    x: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    target: Any = None


class Learned(NamedTuple):
    """What a chunk gave: outputs and the state after it, both in the chunk's graph, and the chunk as it came."""

    y: Tensor
    state: State
    chunk: Any


class TruncatedBPTT(Iterator[Learned]):
    """A layer over an endless stream of chunks; the state is carried from chunk to chunk, the gradient is not.

    Iterating runs one chunk after another. No more than two chunks are held at a time, however long the stream is.

    layer   `layer(x, state) -> (y, state)`: a layer of this library or torch.nn's, or a model with one inside
    chunks  an iterable of events (tensors), or of `Chunk`s, which hold lengths, resets and targets beside events; with
            a batch of the same size in all of them
    state   before the first chunk; the layer's own where None

    `state` is at any time the state after the last chunk, cut from its graph: to be saved, and to go on from.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories".
    Raises InputError for a chunk that is neither a tensor nor a `Chunk`.

    >>> import torch, wolfdog as wd
    >>> layer = wd.Recurrent(wd.cells.GRUCell(3, 4))
    >>> stream = (torch.randn(64, 2, 3) for _ in range(3))
    >>> for y, state, chunk in wd.TruncatedBPTT(layer, stream):
    ...     y.square().mean().backward()
    """

    def __init__(
        self, layer: Layer, chunks: Iterable[Tensor | Chunk] = (), *, state: State | None = None
    ) -> None:
        self.layer = layer
        self.state = None if state is None else detach(state)
        self._chunks = iter(chunks)

    def __next__(self) -> Learned:
        return self.run(next(self._chunks))

    def run(self, chunk: Tensor | Chunk) -> Learned:
        """One chunk more, wherever it comes from."""
        given = Chunk(chunk) if isinstance(chunk, Tensor) else chunk
        if not isinstance(given, Chunk):
            raise InputError(
                f"a stream is made of tensors or wolfdog.Chunk(x, lengths, resets, target); got {type(chunk).__name__}"
            )
        marks = {"lengths": given.lengths, "resets": given.resets}
        marks = {name: value for name, value in marks.items() if value is not None}
        y, state = self.layer(given.x, self.state, **marks)
        self.state = detach(state)
        return Learned(y, state, chunk)

    def train(
        self,
        loss: Callable[[Tensor, Any], Tensor],
        optimizer: torch.optim.Optimizer,
        clip: float | None = None,
    ) -> Iterator[float]:
        """A step of the optimizer for every chunk; yields the loss before it.

        loss       of outputs and the chunk they belong to, one number
        optimizer  of the parameters that learn, the layer's and any that the loss uses
        clip       the greatest norm of the gradient of all of them together; a longer one is shortened to it

        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.cells.GRUCell(3, 4))
        >>> stream = (torch.randn(64, 2, 3) for _ in range(3))
        >>> adam = torch.optim.Adam(layer.parameters())
        >>> losses = list(wd.TruncatedBPTT(layer, stream).train(lambda y, chunk: y.square().mean(), adam, clip=1.0))
        """
        learning = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for y, _, chunk in self:
            cost = loss(y, chunk)
            optimizer.zero_grad()
            cost.backward()  # type: ignore[no-untyped-call]
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(learning, clip)
            optimizer.step()
            yield cost.item()
