"""`RecurrentDropout`: masks that are drawn once for a sequence and hold in every step of it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from ...errors import InputError
from .shares import share
from .state import State, rebuilt, tensors
from .wrapper import CellWrapper

Masks = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]
_INSIDE = ("state_mask", "candidate_mask")
"""The masks that a cell applies itself."""


class RecurrentDropout(CellWrapper):
    """A cell with dropout inside: of each sequence the same features are dropped in every step, in training.

        x_t, h_{t-1}, g_t      what the cell reads of the event, what its matrices read of the short-term memory,
                               and what it would learn (LSTM: g; GRU: n), are replaced by
        m_x * x_t, m_h * h_{t-1}, m_g * g_t

        m = Bernoulli(1 - p) / (1 - p), one number for each example and feature, drawn once for a sequence

    cell        one of wolfdog.cells; torch.nn.RNNCell or LSTMCell but for `candidates`; or a cell of yours, which for
                `states` and `candidates` has the attributes `state_mask` and `candidate_mask`, None at first, and
                multiplies by them where they are not None
    inputs      p for events
    states      p for the short-term memory. What a gate carries over of it (in a GRU) is left whole
    candidates  p for what the cell would learn; the long-term memory itself is never touched

    Every call of a layer is a sequence, with masks of its own for every row of the batch; see `shared_dropout_masks`.
    In eval
    mode nothing is dropped. Dropout stands next to the cell: Zoneout(RecurrentDropout(cell)).

    Sources: Gal and Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks"
    (inputs and states; the same masks for all gates); Semeniuta, Severyn and Barth 2016, "Recurrent dropout without
    memory loss" (candidates).
    Raises InputError for what is no share, for a cell that cannot do what is asked, and in training for a step without
    masks: one that was called neither by a layer nor within `shared_dropout_masks`.

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
                f"RecurrentDropout stands next to the cell, and {type(cell).__name__} around it: "
                f"{type(cell).__name__}(RecurrentDropout(cell))"
            )
        self.inputs, self.states, self.candidates = (
            share("inputs", inputs), share("states", states), share("candidates", candidates)
        )  # fmt: skip
        self.input_mask = self.hidden_mask = None
        # these two read the short-term memory by matrices alone, so that it can be masked before they see it
        self._outside = isinstance(cell, nn.RNNCell | nn.LSTMCell)
        name = type(cell).__name__
        if self.inputs and self.input_size is None:
            raise InputError(f"RecurrentDropout: inputs needs {name} to say its input_size, as an attribute")
        for asked, mask in (
            (self.states and not self._outside, "state_mask"),
            (self.candidates, "candidate_mask"),
        ):
            if asked and not hasattr(cell, mask):
                raise InputError(
                    f"RecurrentDropout: {name} has no attribute {mask}, None at first, to multiply by where it is not: "
                    "only the cell knows where. wolfdog.cells have it"
                )

    def forward(self, event: Tensor, state: State | None = None) -> State:
        state = self._before(event, state)
        if self.training and (self.inputs or self.states or self.candidates) and not self.drawn:
            raise InputError(
                "RecurrentDropout: no masks are drawn. In training, run the cell by a layer, as Recurrent(cell), or "
                "steps of your own within `with wolfdog.shared_dropout_masks(cell, batch):`; else call cell.eval()"
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
        """Draw masks for so many examples; outside training, none."""
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
            # as wide as what is learned: the long-term memory, where there is one
            self.cell.candidate_mask = _mask(torch.empty_like(rest[0] if rest else first), self.candidates)

    @property
    def drawn(self) -> bool:
        """Whether there are masks."""
        return any(mask is not None for mask in self.masks())

    def masks(self) -> Masks:
        """Of events, of a state that the cell does not mask itself, and those of the cell; None what is not drawn."""
        state, candidate = (getattr(self.cell, name, None) for name in _INSIDE)
        return self.input_mask, self.hidden_mask, state, candidate

    def put(self, masks: Masks) -> None:
        """Masks as they were."""
        self.input_mask, self.hidden_mask, *inside = masks
        for name, mask in zip(_INSIDE, inside, strict=True):
            if hasattr(self.cell, name):
                setattr(self.cell, name, mask)


def shared_dropout_masks(model: nn.Module, batch: int) -> AbstractContextManager[None]:
    """Within it, every `RecurrentDropout` of a model in training keeps one set of masks, drawn at its beginning.

    So that chunks or steps are dropped out as one sequence:

    >>> import torch, wolfdog as wd
    >>> layer = wd.Recurrent(wd.RecurrentDropout(wd.cells.GRUCell(3, 5), states=0.5))
    >>> state = None
    >>> with wd.shared_dropout_masks(layer, batch=2):
    ...     for x_t in torch.zeros(7, 2, 3):
    ...         y_t, state = layer.step(x_t, state)

    Within another one, of the same model or one that it is part of, nothing is drawn.
    """
    return _drawn_for(model, batch, again=False)


def other_masks(model: nn.Module, batch: int) -> AbstractContextManager[None]:
    """Within it, masks are new ones, for so many examples, whatever was drawn before."""
    return _drawn_for(model, batch, again=True)


@contextmanager
def _drawn_for(model: nn.Module, batch: int, again: bool) -> Iterator[None]:
    dropouts = [
        module
        for module in model.modules()
        if isinstance(module, RecurrentDropout) and (again or not module.drawn)
    ]
    before = [module.masks() for module in dropouts]
    for module in dropouts:
        module.draw(batch)
    try:
        yield
    finally:
        for module, masks in zip(dropouts, before, strict=True):
            module.put(masks)


def _mask(like: Tensor, p: float) -> Tensor:
    return torch.bernoulli(torch.full_like(like, 1 - p)) / (1 - p)
