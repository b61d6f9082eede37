"""The context: what a frame is, given all that came before."""

from typing import Any

from torch import Tensor, nn

from .memories import make_memory


class Context(nn.Module):
    """A memory over the eye's embeddings and the context head on it.

        STM_t, ... = memory(e_t, ...),    context_t = softmax(W STM_t + b)

    `context(embeddings, state=None, resets=None)`: embeddings [T, B, E], resets [T, B] (True where a new
    deployment begins) to (logits [T, B, classes], state).
    Raises InputError for a memory that has no such name.

    >>> import torch
    >>> logits, state = Context("gru", classes=5, embedding=32, hidden=48)(torch.zeros(7, 2, 32))
    >>> logits.shape
    torch.Size([7, 2, 5])
    """

    def __init__(self, memory: str, classes: int, embedding: int = 32, hidden: int = 32) -> None:
        super().__init__()
        self.memory = make_memory(memory, embedding, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(
        self, embeddings: Tensor, state: Any = None, resets: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        remembered, state = self.memory(embeddings, state, resets=resets)
        return self.head(remembered), state
