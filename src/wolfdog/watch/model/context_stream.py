"""Stream of a context network: the logits of one source, moment by moment."""

from typing import Any

import torch
from torch import Tensor

from .context import Context
from .memory import AttentionWeights, RecurrentMemory


class ContextStream:
    """Logits of one source's moments, with the state between them, as of `Context` over the whole sequence.

    A recurrent memory without attention weights runs as a stream (`Recurrent.stream`): one call of a kernel over
    packed weights, which must not change meanwhile. Other memories are called with sequences of one moment.

    Args:
        context: Context network, in eval mode.

    Examples:
        >>> context = Context("gru", classes=5, embedding=32, hidden=48).eval()
        >>> stream = ContextStream(context)
        >>> logits, weights = stream.step(torch.zeros(1, 32), torch.zeros(1, 1))
        >>> logits.shape, stream.state.shape, weights
        (torch.Size([1, 5]), torch.Size([1, 48]), None)
    """

    def __init__(self, context: Context) -> None:
        self._context, memory = context, context.memory
        alone = isinstance(memory, RecurrentMemory) and memory.reach is None
        self._stream = memory.stream() if isinstance(memory, RecurrentMemory) and alone else None
        self._state: Any = None

    @property
    def state(self) -> Any:
        """State of the memory after the last moment, a copy where the memory is a stream; None at the beginning."""
        return self._state if self._stream is None else self._stream.state

    def reset(self) -> None:
        """Return to the beginning."""
        self._state = None
        if self._stream is not None:
            self._stream.reset()

    @torch.no_grad()
    def step(self, embedding: Tensor, time: Tensor) -> tuple[Tensor, AttentionWeights | None]:
        """Logits of the next moment.

        Args:
            embedding: Embedding [1, E] of the frame.
            time: Seconds [1, 1] of the frame.

        Returns:
            Logits [1, classes], and the attention weights of a memory that has them.
        """
        if self._stream is not None:
            logits: Tensor = self._context.head(self._stream.step(embedding))
            return logits, None
        if self._context.memory.reach is None:
            found, self._state = self._context(embedding[None], self._state, None, time)
            return found[0], None
        found, self._state, weights = self._context.look(embedding[None], self._state, None, time)
        return found[0], weights
