"""What layers over sequences have in common."""

from collections.abc import Sequence

from torch import Tensor, nn

from .state import State


class SequenceLayer(nn.Module):
    """A layer over sequences: `Recurrent`, `Stack` or `Bidirectional`.

    `input_size` and `output_size` are the features of an event and of an output, None where no cell says them.
    `reads_ahead` says whether an output depends on events that come after it.
    """

    batch_first: bool
    reads_ahead = False

    @property
    def input_size(self) -> int | None:
        """The features of an event; None where the cell does not say."""
        raise NotImplementedError

    @property
    def output_size(self) -> int | None:
        """The features of an output; None where the cell does not say."""
        raise NotImplementedError

    @property
    def backend(self) -> str:
        """What runs the cells."""
        raise NotImplementedError

    @property
    def fallback_reason(self) -> str | None:
        """Why nothing faster does; None where there is nothing faster."""
        raise NotImplementedError

    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Every quantity that cells name, over time."""
        raise NotImplementedError

    def step(self, x_t: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One event."""
        raise NotImplementedError


def feature_size(cell: nn.Module, name: str) -> int | None:
    """`input_size` or `output_size` of a cell as it says itself; torch.nn's cells put out their hidden_size."""
    size = getattr(cell, name, None)
    if size is None and name == "output_size" and isinstance(cell, nn.RNNCellBase):
        size = cell.hidden_size
    return size if isinstance(size, int) else None
