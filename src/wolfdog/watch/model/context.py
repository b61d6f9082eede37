"""Context network: class of a frame, given all frames before it."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from ...cells import Chrono
from .config import WatcherConfig
from .memory import AttentionWeights, WatcherMemory
from .registry import make_memory


class Context(nn.Module):
    """Memory over the frame classifier's embeddings, and the context head on it.

        y_t, state_t = memory(e_t, state_{t-1}),    context_t = softmax(W y_t + b)

    `context(embeddings, state=None, resets=None, times=None)` takes embeddings [T, B, E], resets [T, B] (True where a
    new deployment begins) and times [T, B] in seconds, which attention memories need, and returns (logits [T, B,
    classes], state). With `query`, a slice of T, logits are of those moments alone.

    Args:
        memory: One of `MEMORIES`.
        classes: Number of classes.
        embedding: Size of an embedding.
        hidden: Units of the memory.
        window: Of `make_memory`.
        stride: Of `make_memory`.
        fps: Of `make_memory`.
        forget: Of `make_memory`.

    Raises:
        InputError: There is no memory of that name, or it does not take one of the options.

    Examples:
        >>> import torch
        >>> logits, state = Context("gru", classes=5, embedding=32, hidden=48)(torch.zeros(7, 2, 32))
        >>> logits.shape
        torch.Size([7, 2, 5])
    """

    def __init__(
        self,
        memory: str,
        classes: int,
        *,
        embedding: int = 32,
        hidden: int = 32,
        window: int | None = None,
        stride: float | None = None,
        fps: float = 5.0,
        forget: Chrono | None = None,
    ) -> None:
        super().__init__()
        self.memory: WatcherMemory = make_memory(
            memory, embedding, hidden, window=window, stride=stride, fps=fps, forget=forget
        )
        size = self.memory.output_size
        assert size is not None
        self.head = nn.Linear(size, classes)
        self.unremembered: Tensor
        """[classes] bool: those that the memory was not trained on; see `left_to_snapshot`."""
        self.register_buffer("unremembered", torch.zeros(classes, dtype=torch.bool), persistent=False)

    @classmethod
    def of(cls, config: WatcherConfig) -> Self:
        """Untrained context of a watcher with that configuration.

        Args:
            config: Configuration of the watcher.

        Returns:
            The context.
        """
        context = cls(
            config.memory,
            len(config.classes),
            embedding=config.embedding,
            hidden=config.hidden,
            window=config.window,
            stride=config.stride,
            fps=config.fps,
        )
        # On the CPU even where the weights are made on "meta": no weights file holds it.
        context.unremembered = torch.tensor(
            [name in config.unremembered for name in config.classes], device="cpu"
        )
        return context

    def forward(
        self,
        embeddings: Tensor,
        state: Any = None,
        resets: Tensor | None = None,
        times: Tensor | None = None,
        query: slice = slice(None),
    ) -> tuple[Tensor, Any]:
        remembered, state = self.memory(embeddings, state, resets=resets, times=times, query=query)
        return self.head(remembered), state

    def look(
        self, embeddings: Tensor, state: Any = None, resets: Tensor | None = None, times: Tensor | None = None
    ) -> tuple[Tensor, Any, AttentionWeights]:
        """Logits, state and attention weights.

        Args:
            embeddings: As of the call.
            state: As of the call.
            resets: As of the call.
            times: As of the call.

        Returns:
            Result of the call, and the memory's attention weights.

        Raises:
            InputError: The memory has no attention weights.
        """
        remembered, state, looked = self.memory.look(embeddings, state, resets=resets, times=times)
        return self.head(remembered), state, looked
