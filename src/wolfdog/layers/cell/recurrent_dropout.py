"""Recurrent dropout: masks drawn once for each sequence."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from ...errors import InputError
from .arguments import check_probability
from .state import State, rebuilt, tensors
from .wrapper import CellWrapper

Masks = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]
_INSIDE = ("state_mask", "candidate_mask")
"""Attributes of masks that a cell applies itself."""


class RecurrentDropout(CellWrapper):
    """Cell with recurrent dropout: in training, the same features of a sequence are dropped at every step.

        m_x * x_t, m_h * h_{t-1}, m_g * g_t     replace the event, the short-term memory that matrices read, and the
                                                candidate values (LSTM: g; GRU: n)

        m = Bernoulli(1 - p) / (1 - p), one number for each example and feature, drawn once for each sequence

    Each call of a layer is one sequence with its own masks for each example; see `shared_dropout_masks`. In eval mode
    nothing is dropped. In combinations, dropout is the innermost wrapper: Zoneout(RecurrentDropout(cell)).

    Sources: Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks"
    (inputs and states; one mask for all gates); Semeniuta, Severyn and Barth 2016, "Recurrent dropout without memory
    loss" (candidates).

    Args:
        cell: A cell of wolfdog.cells; torch.nn.RNNCell or LSTMCell, without `candidates`; or any cell that, for
            `states` and `candidates`, has attributes `state_mask` and `candidate_mask`, initially None, and multiplies
            by them if they are not None.
        inputs: Dropout probability p of events.
        states: Dropout probability p of the short-term memory, where matrices read it; not where a gate of a GRU
            carries it over.
        candidates: Dropout probability p of the candidate values; the long-term memory itself is not changed.

    Raises:
        InputError: A probability is not in [0, 1), the cell lacks an attribute, or, in training, a step is called
            without masks, that is outside a layer and outside `shared_dropout_masks`.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.RecurrentDropout(wd.cells.LSTMCell(3, 5), inputs=0.2, states=0.3))
        >>> layer(torch.zeros(7, 2, 3))[0].shape
        torch.Size([7, 2, 5])
    """

    input_mask: Tensor | None
    hidden_mask: Tensor | None

    def __init__(
        self, cell: nn.Module, *, inputs: float = 0.0, states: float = 0.0, candidates: float = 0.0
    ) -> None:
        super().__init__(cell)
        if isinstance(cell, CellWrapper):
            raise InputError(
                f"RecurrentDropout must be the innermost wrapper, inside {type(cell).__name__}: "
                f"{type(cell).__name__}(RecurrentDropout(cell))"
            )
        self.inputs = check_probability("inputs", inputs)
        self.states = check_probability("states", states)
        self.candidates = check_probability("candidates", candidates)
        self.input_mask = self.hidden_mask = None
        # These two read the short-term memory through matrices only, so it can be masked outside the cell.
        self._outside = isinstance(cell, nn.RNNCell | nn.LSTMCell)
        name = type(cell).__name__
        if self.inputs and self.input_size is None:
            raise InputError(f"RecurrentDropout: inputs needs an attribute input_size of {name}")
        for used, mask in (
            (self.states and not self._outside, "state_mask"),
            (self.candidates, "candidate_mask"),
        ):
            if used and not hasattr(cell, mask):
                raise InputError(
                    f"RecurrentDropout: {name} must have an attribute {mask}, initially None, and multiply by it: "
                    "only the cell knows the place. The cells of wolfdog.cells have it"
                )

    def forward(self, event: Tensor, state: State | None = None) -> State:
        state = self._previous_state(event, state)
        if self.training and (self.inputs or self.states or self.candidates) and not self.has_masks:
            raise InputError(
                "RecurrentDropout: no masks have been drawn. In training, run the cell in a layer, Recurrent(cell), or "
                "steps inside `with wolfdog.shared_dropout_masks(cell, batch):`; otherwise call cell.eval()"
            )
        if self.input_mask is not None:
            event = event * self.input_mask
        if self.hidden_mask is not None:
            first, *rest = tensors(state)
            state = rebuilt(state, [first * self.hidden_mask, *rest])
        after: State = self.cell(event, state)
        return after

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, states={self.states}, candidates={self.candidates}"

    def draw(self, batch: int) -> None:
        """Draw masks for a batch in training; without effect in evaluation mode.

        Args:
            batch: Number of sequences, B.
        """
        if not self.training:
            return
        first, *rest = tensors(self.initial_state(batch))
        if self.inputs:
            self.input_mask = _mask(first.new_empty(batch, self.input_size or 0), self.inputs)
        if self.states:
            mask = _mask(torch.empty_like(first), self.states)
            if self._outside:
                self.hidden_mask = mask
            else:
                self.cell.state_mask = mask
        if self.candidates:
            # The candidates have the size of the long-term memory, if there is one.
            self.cell.candidate_mask = _mask(torch.empty_like(rest[0] if rest else first), self.candidates)

    @property
    def has_masks(self) -> bool:
        """Whether masks have been drawn."""
        return any(mask is not None for mask in self.masks())

    def masks(self) -> Masks:
        """Masks of events, of the state outside the cell, and of state and candidates inside; None if not drawn."""
        state, candidate = (getattr(self.cell, name, None) for name in _INSIDE)
        return self.input_mask, self.hidden_mask, state, candidate

    def set_masks(self, masks: Masks) -> None:
        """Set the masks to those of an earlier `masks()`.

        Args:
            masks: The masks.
        """
        self.input_mask, self.hidden_mask, *inside = masks
        for name, mask in zip(_INSIDE, inside, strict=True):
            if hasattr(self.cell, name):
                setattr(self.cell, name, mask)


def shared_dropout_masks(model: nn.Module, batch: int) -> AbstractContextManager[None]:
    """Context in which every `RecurrentDropout` of a model in training keeps one set of masks.

    Chunks or steps in the context are dropped out as one sequence. An inner context of the same model or of a part of
    it draws no new masks.

    Args:
        model: A module with `RecurrentDropout` modules.
        batch: Batch size.

    Examples:
        >>> import torch, wolfdog as wd
        >>> layer = wd.Recurrent(wd.RecurrentDropout(wd.cells.GRUCell(3, 5), states=0.5))
        >>> state = None
        >>> with wd.shared_dropout_masks(layer, batch=2):
        ...     for x_t in torch.zeros(7, 2, 3):
        ...         y_t, state = layer.step(x_t, state)
    """
    return _dropout_masks(model, batch, redraw=False)


def fresh_dropout_masks(model: nn.Module, batch: int) -> AbstractContextManager[None]:
    """Context with newly drawn masks for a batch, regardless of those drawn before."""
    return _dropout_masks(model, batch, redraw=True)


@contextmanager
def _dropout_masks(model: nn.Module, batch: int, redraw: bool) -> Iterator[None]:
    dropouts = [
        module
        for module in model.modules()
        if isinstance(module, RecurrentDropout) and (redraw or not module.has_masks)
    ]
    before = [module.masks() for module in dropouts]
    for module in dropouts:
        module.draw(batch)
    try:
        yield
    finally:
        for module, masks in zip(dropouts, before, strict=True):
            module.set_masks(masks)


def _mask(like: Tensor, p: float) -> Tensor:
    return torch.bernoulli(torch.full_like(like, 1 - p)) / (1 - p)
