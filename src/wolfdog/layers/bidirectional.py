"""Bidirectional layer: one layer over the sequence, and one over the reversed sequence."""

from collections.abc import Callable, Sequence
from typing import Literal, NoReturn

import torch
from torch import Tensor, nn

from ..errors import InputError
from .cell.arguments import check_events, check_resets, checked_lengths
from .cell.reverse import Reversal
from .cell.sequence_layer import SequenceLayer
from .cell.state import State, structure
from .cell.symbolic_trace import SYMBOLIC, traced_call
from .composing import as_layer, common_backend, reinitialised_copy

Merge = Literal["concat", "sum", "mean", "product"]

_MERGE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda a, b: torch.cat((a, b), -1),
    "sum": torch.add,
    "mean": lambda a, b: (a + b) / 2,
    "product": torch.mul,
}


class Bidirectional(SequenceLayer):
    """Bidirectional recurrent layer of any cells: one direction reads from the first event, the other from the last.

        y_t = merge(forwards(x_0 .. x_t), backwards(x_{T-1} .. x_t))

    The state is the pair of the directions' states; the backward direction starts at each sequence's last event. There
    is no `step`, since the backward output depends on later events.

    Source: Schuster and Paliwal 1997, "Bidirectional recurrent neural networks".

    Args:
        forwards: Cell or layer (`Recurrent`, `Stack`) of the forward direction.
        backwards: The same for the backward direction; None for a copy of `forwards` with newly drawn parameters.
        merge: Combination of both outputs: "concat", "sum", "mean" or "product".
        batch_first: Layout, as of Recurrent; given layers must have the same.

    Raises:
        InputError: The merge is unknown, the directions do not fit together, or the parameters of a copy cannot be
            drawn.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Bidirectional(wd.cells.GRUCell(3, 5))
        >>> y, (forwards, backwards) = layer(torch.zeros(7, 2, 3), lengths=[7, 4])
        >>> y.shape, backwards.shape
        (torch.Size([7, 2, 10]), torch.Size([2, 5]))
    """

    reads_ahead = True

    def __init__(
        self,
        forwards: nn.Module,
        backwards: nn.Module | None = None,
        *,
        merge: Merge = "concat",
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        if merge not in _MERGE:
            raise InputError(f"merge must be one of {', '.join(map(repr, _MERGE))}; got {merge!r}")
        self.merge, self.batch_first = merge, batch_first
        self.forwards = as_layer(forwards, batch_first, "Bidirectional")
        if backwards is None:
            self.backwards = reinitialised_copy(self.forwards, "Bidirectional")
        else:
            self.backwards = as_layer(backwards, batch_first, "Bidirectional")
        self._check_parts()

    @property
    def input_size(self) -> int | None:
        """Features of an event."""
        return self.forwards.input_size

    @property
    def output_size(self) -> int | None:
        """Features of an output: the sum of both directions for "concat", else those of one."""
        one, other = self.forwards.output_size, self.backwards.output_size
        return one if self.merge != "concat" or one is None or other is None else one + other

    @property
    def backend(self) -> str:
        """Backend of both directions: "llvm", or "eager" if one of them runs eagerly."""
        return common_backend((self.forwards, self.backwards))

    @property
    def fallback_reason(self) -> str | None:
        """Reason why a direction runs on a slower backend; None if none does."""
        return self.forwards.fallback_reason or self.backwards.fallback_reason

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Merged outputs over a sequence, and the final states of both directions.

        Args:
            x: Events, as of Recurrent.
            state: Initial states (forward, backward): before the first event and after the last one.
            lengths: As of Recurrent; the backward direction starts at each sequence's own last event.
            resets: As of Recurrent; neither direction carries its state across the border between t - 1 and t.

        Raises:
            ShapeError: A shape or type is wrong.
            InputError: Lengths are out of range, or the state is not a pair.
        """
        if isinstance(x, SYMBOLIC):
            return traced_call(self, x, state=state, lengths=lengths, resets=resets)
        (before, behind), lengths, reverse = self._checked(x, state, lengths, resets)
        y, last = self.forwards(x, before, lengths=lengths, resets=resets)
        reversed_resets = None if resets is None else reverse.resets(resets)
        reversed_y, first = self.backwards(reverse(x), behind, lengths=lengths, resets=reversed_resets)
        return _MERGE[self.merge](y, reverse(reversed_y)), (last, first)

    @torch.no_grad()
    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Activations of both directions in the order of events; names start with "forwards." and "backwards.".

        Args:
            x: As of the call.
            state: As of the call.
            lengths: As of the call.
            resets: As of the call.

        Returns:
            Values of each name.
        """
        (before, behind), lengths, reverse = self._checked(x, state, lengths, resets)
        found = self.forwards.activations(x, before, lengths, resets)
        reversed_resets = None if resets is None else reverse.resets(resets)
        reversed_y = self.backwards.activations(reverse(x), behind, lengths, reversed_resets)
        return {f"forwards.{name}": values for name, values in found.items()} | {
            f"backwards.{name}": reverse(values) for name, values in reversed_y.items()
        }

    def step(self, x_t: Tensor, state: State | None = None) -> NoReturn:
        """Not available: the backward direction needs the whole sequence.

        Args:
            x_t: Event.
            state: State.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "Bidirectional has no step: its backward direction starts at the last event of the sequence. Call the "
            "layer with whole sequences, or use a single direction, layer.forwards.step"
        )

    def extra_repr(self) -> str:
        return f"merge={self.merge!r}{', batch_first=True' if self.batch_first else ''}"

    def _checked(
        self,
        x: Tensor,
        state: State | None,
        lengths: Tensor | Sequence[int] | None,
        resets: Tensor | None,
    ) -> tuple[tuple[State | None, State | None], Tensor | None, Reversal]:
        """States of both directions, checked lengths, and the reversal of this batch."""
        batched = check_events(x, self.batch_first)
        steps, batch = x.shape[:2] if not (batched and self.batch_first) else x.shape[1::-1]
        checked = None
        if lengths is not None:
            checked = checked_lengths(lengths, steps, batch if batched else None)
        if resets is not None:
            check_resets(resets, steps, batch if batched else None, self.batch_first)
        if state is None:
            state = (None, None)  # type: ignore[assignment]
        if not isinstance(state, tuple) or len(state) != 2:
            raise InputError(
                f"Bidirectional: the state must be a pair (forward, backward); got {structure(state)}"
            )
        reverse = Reversal(x, checked, batched, self.batch_first)
        if checked is not None and not batched:
            checked = checked[0]
        return state, checked, reverse

    def _check_parts(self) -> None:
        one, other = self.forwards, self.backwards
        if one.reads_ahead or other.reads_ahead:
            raise InputError(
                "Bidirectional: a direction cannot be bidirectional itself; stack bidirectional layers: Stack(a, b)"
            )
        for name in ("input_size", "output_size"):
            sizes = getattr(one, name), getattr(other, name)
            if None in sizes or sizes[0] == sizes[1] or (name == "output_size" and self.merge == "concat"):
                continue
            raise InputError(
                f"Bidirectional: the directions' {name} must be the same; got {sizes[0]} and {sizes[1]}"
            )
