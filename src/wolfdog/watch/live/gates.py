"""Gates of recurrent memories over time, in the four words learn, forget, remember and use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...layers import Recurrent
from ...layers.cell.state import transform

NAMES = ("learn", "forget", "remember", "use")
MOST_ROWS = 48
"""Rows of a panel; more units are joined to means of neighbours."""


class Gates(NamedTuple):
    """Gates of T moments.

    Attributes:
        names: Names of the panels, of `NAMES`.
        values: Values [T, panels, rows], 0 to 255: a gate from closed to open, a memory from negative to positive.
    """

    names: tuple[str, ...]
    values: NDArray[np.uint8]


Reading = Callable[[Mapping[str, Tensor]], Tensor]


def _open(name: str) -> Reading:
    return lambda found: found[name]


def _shut(name: str) -> Reading:
    return lambda found: 1 - found[name]


def _signed(*names: str) -> Reading:
    """Memory, squashed to 0..1: 0.5 where it is zero."""
    return lambda found: 0.5 + 0.5 * torch.tanh(found[next(name for name in names if name in found)])


_MEMORY = _signed("ltm", "stm", "state")
_TABLES: tuple[tuple[frozenset[str], dict[str, Reading]], ...] = (
    # The gates i, f and v stand before the quantities learn, forget and use of these cells.
    (
        frozenset({"i", "f", "v", "ltm"}),
        {"learn": _open("i"), "forget": _open("f"), "remember": _MEMORY, "use": _open("v")},
    ),
    (
        frozenset({"i", "f", "o", "ltm"}),
        {"learn": _open("i"), "forget": _open("f"), "remember": _MEMORY, "use": _open("o")},
    ),
    # A GRU has one gate for learning and forgetting; the reset gate decides what of the memory is used.
    (
        frozenset({"z", "r"}),
        {"learn": _shut("z"), "forget": _open("z"), "remember": _MEMORY, "use": _open("r")},
    ),
    (frozenset({"z"}), {"learn": _shut("z"), "forget": _open("z"), "remember": _MEMORY}),
)


def gates_of(layer: Recurrent, inputs: Sequence[Tensor], state: Any) -> Gates | None:
    """Gates of a layer at T consecutive inputs.

    Args:
        layer: The layer.
        inputs: T inputs, each [1, ...].
        state: State before the first of them; None for the initial state.

    Returns:
        The gates; None if its cell has none. Where each class has a state, a row is a class, with the mean of its
        units; else a row is a unit.
    """
    if state is not None:
        state = transform(torch.clone, state)
    found = {name: value[:, 0] for name, value in layer.activations(torch.stack(list(inputs)), state).items()}
    table = next((readings for needed, readings in _TABLES if needed <= set(found)), None)
    if table is None:
        return None
    panels = [_rows(reading(found)) for reading in table.values()]
    values = torch.stack(panels, 1).clamp(0, 1)
    return Gates(tuple(table), (255 * values).round().to(torch.uint8).numpy())


def _rows(values: Tensor) -> Tensor:
    """[T, rows] of [T, H] units, or of [T, K, H] classes and units."""
    rows = values if values.dim() == 2 else values.flatten(2).mean(-1)
    if rows.shape[1] <= MOST_ROWS:
        return rows
    parts = torch.tensor_split(rows, MOST_ROWS, dim=1)
    return torch.stack([part.mean(1) for part in parts], 1)
