"""`Bidirectional`: a layer over the sequence and one over the sequence turned round."""

from collections.abc import Callable, Sequence
from typing import Literal, NoReturn

import torch
from torch import Tensor, nn

from ..errors import InputError
from .cell.arguments import check_events, check_resets, checked_lengths
from .cell.reverse import Turning
from .cell.sequence_layer import SequenceLayer
from .cell.state import State, structure
from .composing import as_layer, common_backend, drawn_anew

Merge = Literal["concat", "sum", "mean", "product"]

_MERGE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda a, b: torch.cat((a, b), -1),
    "sum": torch.add,
    "mean": lambda a, b: (a + b) / 2,
    "product": torch.mul,
}


class Bidirectional(SequenceLayer):
    """Two directions of any cell: one reads the sequence from its first event on, one from its last event back.

        y_t = merge(forwards(x_0 .. x_t), backwards(x_{T-1} .. x_t))

    forwards     a cell or a layer (`Recurrent`, `Stack`)
    backwards    the same for the other direction; None for a copy of it with parameters of its own, drawn afresh
    merge        of the outputs of both at an event: "concat", of both sizes together, "sum", "mean", "product"
    batch_first  as Recurrent's; layers that are given must agree with it

    A state is the pair of the directions' states; the backward direction starts from its own at each sequence's last
    event. There is no `step`: what the backward direction says of an event depends on what comes after it.

    Source: Schuster and Paliwal 1997, "Bidirectional recurrent neural networks".
    Raises InputError for an unknown merge, for parts that do not fit together, and where there is no telling how to
    draw the parameters of a second direction.

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
            self.backwards = drawn_anew(self.forwards, "Bidirectional")
        else:
            self.backwards = as_layer(backwards, batch_first, "Bidirectional")
        self._check_parts()

    @property
    def input_size(self) -> int | None:
        """The directions'."""
        return self.forwards.input_size

    @property
    def output_size(self) -> int | None:
        """Of both directions together where they are concatenated, else of one."""
        one, other = self.forwards.output_size, self.backwards.output_size
        return one if self.merge != "concat" or one is None or other is None else one + other

    @property
    def backend(self) -> str:
        """What runs both directions: "llvm", or "eager" where that runs one of them."""
        return common_backend((self.forwards, self.backwards))

    @property
    def fallback_reason(self) -> str | None:
        """Why nothing faster runs a direction; None where there is nothing faster."""
        return self.forwards.fallback_reason or self.backwards.fallback_reason

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """The merged outputs over a sequence, and the states of both directions at their ends of it.

        x        as Recurrent's
        state    (of the forward direction before the first event, of the backward direction behind the last)
        lengths  as Recurrent's; the backward direction begins at each sequence's own last event
        resets   as Recurrent's: something new begins at t, so that neither direction carries anything from one side
                 of the border between t - 1 and t to the other

        Raises as Recurrent does.
        """
        (before, behind), lengths, turning = self._checked(x, state, lengths, resets)
        y, last = self.forwards(x, before, lengths=lengths, resets=resets)
        turned_resets = None if resets is None else turning.resets(resets)
        turned, first = self.backwards(turning(x), behind, lengths=lengths, resets=turned_resets)
        return _MERGE[self.merge](y, turning(turned)), (last, first)

    @torch.no_grad()
    def activations(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Activations of both directions, each at its event: names begin with "forwards." and "backwards."."""
        (before, behind), lengths, turning = self._checked(x, state, lengths, resets)
        found = self.forwards.activations(x, before, lengths, resets)
        turned_resets = None if resets is None else turning.resets(resets)
        turned = self.backwards.activations(turning(x), behind, lengths, turned_resets)
        return {f"forwards.{name}": values for name, values in found.items()} | {
            f"backwards.{name}": turning(values) for name, values in turned.items()
        }

    def step(self, x_t: Tensor, state: State | None = None) -> NoReturn:
        """Raises InputError: one event is not enough for the backward direction."""
        raise InputError(
            "Bidirectional has no step: its backward direction begins at the last event of the sequence. Call the "
            "layer with the whole sequence, or step through one direction alone, layer.forwards.step"
        )

    def extra_repr(self) -> str:
        return f"merge={self.merge!r}{', batch_first=True' if self.batch_first else ''}"

    def _checked(
        self,
        x: Tensor,
        state: State | None,
        lengths: Tensor | Sequence[int] | None,
        resets: Tensor | None,
    ) -> tuple[tuple[State | None, State | None], Tensor | None, Turning]:
        """The states of both directions, lengths as the directions take them, and what turns sequences round."""
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
                "Bidirectional: a state is a pair, of the forward and of the backward direction; got "
                f"{structure(state)}"
            )
        turning = Turning(x, checked, batched, self.batch_first)
        if checked is not None and not batched:
            checked = checked[0]
        return state, checked, turning

    def _check_parts(self) -> None:
        one, other = self.forwards, self.backwards
        if one.reads_ahead or other.reads_ahead:
            raise InputError(
                "Bidirectional: a direction of it cannot be bidirectional; stack them: Stack(a, b)"
            )
        for name in ("input_size", "output_size"):
            sizes = getattr(one, name), getattr(other, name)
            if None in sizes or sizes[0] == sizes[1] or (name == "output_size" and self.merge == "concat"):
                continue
            raise InputError(
                f"Bidirectional: the directions' {name} must be the same; got {sizes[0]} and {sizes[1]}"
            )
