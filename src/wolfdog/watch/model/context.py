"""The context: what a frame is, given all that came before."""

from typing import Any, Self

from torch import Tensor, nn

from .config import WatcherConfig
from .memory import AttentionWeights, WatcherMemory
from .registry import make_memory


class Context(nn.Module):
    """A memory over the frame classifier's embeddings and the context head on it.

        y_t, state_t = memory(e_t, state_{t-1}),    context_t = softmax(W y_t + b)

    `context(embeddings, state=None, resets=None, times=None)`: embeddings [T, B, E], resets [T, B] (True where a new
    deployment begins), times [T, B] seconds, which memories that are searched look at, to
    (logits [T, B, classes], state). With `asked`, a slice of T, logits are of those moments alone.
    `window`, `stride` and `fps` are those of `make_memory`.
    Raises InputError for a memory that has no such name, and for options that it has no use for.

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
    ) -> None:
        super().__init__()
        self.memory: WatcherMemory = make_memory(
            memory, embedding, hidden, window=window, stride=stride, fps=fps
        )
        size = self.memory.output_size
        assert size is not None
        self.head = nn.Linear(size, classes)

    @classmethod
    def of(cls, config: WatcherConfig) -> Self:
        """The context of a watcher."""
        return cls(
            config.memory,
            len(config.classes),
            embedding=config.embedding,
            hidden=config.hidden,
            window=config.window,
            stride=config.stride,
            fps=config.fps,
        )

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
        """(logits, state, looked): the call, and what the memory looked at.

        Raises InputError where the memory cannot say.
        """
        remembered, state, looked = self.memory.look(embeddings, state, resets=resets, times=times)
        return self.head(remembered), state, looked
