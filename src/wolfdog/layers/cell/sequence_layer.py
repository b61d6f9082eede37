"""Base class of layers over sequences."""

from collections.abc import Sequence

from torch import Tensor, nn

from .state import State


class SequenceLayer(nn.Module):
    """Base class of layers over sequences: `Recurrent`, `Stack` and `Bidirectional`.

    Attributes:
        batch_first: Whether events and outputs are [B, T, ...] and not [T, B, ...].
        reads_ahead: Whether an output depends on later events.
    """

    batch_first: bool
    reads_ahead = False

    @property
    def input_size(self) -> int | None:
        """Features of an event; None if the cell does not define them."""
        raise NotImplementedError

    @property
    def output_size(self) -> int | None:
        """Features of an output; None if the cell does not define them."""
        raise NotImplementedError

    @property
    def backend(self) -> str:
        """Name of the backend that runs the cells."""
        raise NotImplementedError

    @property
    def fallback_reason(self) -> str | None:
        """Reason for a slower backend; None for the fastest."""
        raise NotImplementedError

    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """All named quantities of the cells over time."""
        raise NotImplementedError

    def step(self, x_t: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Output of one event, and the state after it."""
        raise NotImplementedError


def feature_size(cell: nn.Module, name: str) -> int | None:
    """`input_size` or `output_size` of a cell, or None; torch.nn's cells have their hidden_size as output_size."""
    size = getattr(cell, name, None)
    if size is None and name == "output_size" and isinstance(cell, nn.RNNCellBase):
        size = cell.hidden_size
    return size if isinstance(size, int) else None
