"""Hints for errors of a cell that come from the form of its events or of its state."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ...errors import ShapeError
from .protocol import initial_state
from .state import State, structure

_OF_FORM = (TypeError, ValueError, RuntimeError, AttributeError)
"""Errors that a cell raises over an event or a state of another form than it expects."""


def explained(
    cell: nn.Module,
    given: Tensor,
    batched: bool,
    run: Callable[..., Any],
    x: Tensor,
    state: State | None,
    *rest: Any,
) -> Any:
    """Result of `run(x, state, *rest)`, which runs a cell; with a hint where an error comes from a form.

    Args:
        cell: The cell.
        given: Events, or one event, as the caller has passed them.
        batched: Whether they have a batch.
        run: Function that runs the cell.
        x: Events as the runner takes them.
        state: State, or None.
        *rest: Further arguments.

    Raises:
        ShapeError: The cell has raised an error, and its events or its state have a form that explains it.
    """
    try:
        return run(x, state, *rest)
    except ShapeError:
        raise
    except _OF_FORM as error:
        hint = _state_hint(cell, state) or _event_hint(cell, given, batched, error)
        if hint is None:
            raise
        raise ShapeError(f"{type(cell).__name__} raised {type(error).__name__}: {error}; {hint}") from error


def _state_hint(cell: nn.Module, state: State | None) -> str | None:
    """Hint for a state of another structure than the cell's initial state."""
    start = None if state is None else initial_state(cell, 1)
    if start is None or state is None or structure(start) == structure(state):
        return None
    return f"its state must be {structure(start)}, as its initial state is; got {structure(state)}"


def _event_hint(cell: nn.Module, x: Tensor, batched: bool, error: Exception) -> str | None:
    """Hint for whole numbers in a layout that an embedding does not expect, and for other numbers."""
    if not any(isinstance(module, nn.Embedding) for module in cell.modules()):
        return None
    if x.is_floating_point():
        return "an embedding looks up whole numbers: pass x.long()" if "indices" in str(error) else None
    sizes = list(x.shape)
    if not batched:
        batch = x.shape[-1]
        return (
            f"whole numbers {sizes} are read as events of {batch} features without a batch: for a batch of {batch} "
            "sequences pass x.unsqueeze(-1), and let the cell look up x.squeeze(-1)"
        )
    if x.shape[-1] == 1:
        return (
            f"an event of x {sizes} is [B, 1], of which an embedding makes [B, 1, E]: look up x.squeeze(-1)"
        )
    return None
