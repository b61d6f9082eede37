"""Truncated backpropagation through time over streams of chunks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .cell.state import State, detach

Layer = Callable[..., tuple[Tensor, State]]
"""Layer or model, `layer(x, state) -> (y, state)`."""


@dataclass(frozen=True)
class Chunk:
    """Chunk of a stream.

    Attributes:
        x: Events in the layer's layout.
        lengths: Number of events of each sequence in the chunk, or None; passed to the layer by name.
        resets: Resets, or None; passed to the layer by name.
        target: Any data for the loss.
    """

    x: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    target: Any = None


class ChunkResult(NamedTuple):
    """Result of a chunk: outputs and final state, both in the chunk's graph, and the chunk."""

    y: Tensor
    state: State
    chunk: Any


class TruncatedBPTT(Iterator[ChunkResult]):
    """Truncated backpropagation through time: state is carried from chunk to chunk, gradients are not.

    Iteration runs one chunk after another and holds at most two of them.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories".

    Args:
        layer: `layer(x, state) -> (y, state)`: a layer of this library or of torch.nn, or a model that contains one.
        chunks: Iterable of event tensors or of `Chunk`s, all with one batch size.
        state: State before the first chunk; None for the layer's initial state.

    Attributes:
        state: State after the last chunk, detached from its graph, for saving and for continuing.

    Raises:
        InputError: A chunk is neither a tensor nor a `Chunk`.

    Examples:
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

    def __next__(self) -> ChunkResult:
        return self.run(next(self._chunks))

    def run(self, chunk: Tensor | Chunk) -> ChunkResult:
        """Run one more chunk.

        Args:
            chunk: Events, or a `Chunk` of events, lengths and resets.

        Returns:
            Outputs, the state after the chunk, and the chunk.
        """
        events = Chunk(chunk) if isinstance(chunk, Tensor) else chunk
        if not isinstance(events, Chunk):
            raise InputError(
                f"a chunk must be a tensor or wolfdog.Chunk(x, lengths, resets, target); got {type(chunk).__name__}"
            )
        options = {"lengths": events.lengths, "resets": events.resets}
        options = {name: value for name, value in options.items() if value is not None}
        y, state = self.layer(events.x, self.state, **options)
        self.state = detach(state)
        return ChunkResult(y, state, chunk)

    def train(
        self,
        loss: Callable[[Tensor, Any], Tensor],
        optimizer: torch.optim.Optimizer,
        *,
        clip: float | None = None,
    ) -> Iterator[float]:
        """One optimizer step for every chunk.

        Args:
            loss: Function of outputs and chunk that returns one number.
            optimizer: Optimizer of all trained parameters.
            clip: Maximum norm of the gradient of all trained parameters; None for none.

        Yields:
            The loss of each chunk before its step.

        Examples:
            >>> import torch, wolfdog as wd
            >>> layer = wd.Recurrent(wd.cells.GRUCell(3, 4))
            >>> stream = (torch.randn(64, 2, 3) for _ in range(3))
            >>> adam = torch.optim.Adam(layer.parameters())
            >>> losses = list(wd.TruncatedBPTT(layer, stream).train(lambda y, chunk: y.square().mean(), adam, clip=1.0))
        """
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for y, _, chunk in self:
            cost = loss(y, chunk)
            optimizer.zero_grad()
            cost.backward()  # type: ignore[no-untyped-call]
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            yield cost.item()
