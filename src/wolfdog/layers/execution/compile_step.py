"""A cell's step, traced and compiled, without a trace left in the cell."""

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..cell.state import State, rebuilt, tensors
from .cell_attributes import Untouched
from .cell_cache import CellRecord, standing_in
from .eager import EagerRunner

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

FEW = 4
"""Of so many attributes with as many rows every choice is tried, of more only all of them."""


def compile_step(record: CellRecord, eager: EagerRunner, event: Tensor, state: State) -> "Compiled | str":
    """The compiled step for events and states like these, or why there is none.

    Raises what the cell itself raises, where it does so on such an event and state.
    """
    from ...compiler.driver import Refusal  # llvmlite loads slowly

    before = Untouched(record.modules)
    made: Compiled | str
    try:
        made = _traced(record, eager, event, state)
    except Refusal as refusal:
        made = str(refusal)
    except Exception as error:
        before.put_back()
        # The cell's own complaint, where it has one, says more than one about a trace.
        with torch.no_grad():
            eager.step(event, state)
        made = f"tracing it raised {type(error).__name__}: {error}"
    changed = before.put_back()
    if changed is not None:
        made = record.changes = f"a step changes {changed} of the cell"
    return made


def _traced(record: CellRecord, eager: EagerRunner, event: Tensor, state: State) -> "Compiled":
    """The compiled step; attributes with a row for each example are tried where the step fails without."""
    from ...compiler.driver import Compiled
    from ...compiler.frontend.trace import Rows

    def step(x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        output, after = eager.step(x, rebuilt(state, states))
        return output, list(tensors(after))

    named, parts = record.named(), [t.detach() for t in tensors(state)]
    attributes = [name for name in named if record.is_attribute(name)]
    tries: list[tuple[str, ...]] = [()]
    for length in dict.fromkeys(len(named[name]) for name in attributes):
        alike = [name for name in attributes if len(named[name]) == length]
        # some may be matrices that happen to have as many rows
        fewest = 1 if len(alike) <= FEW else len(alike)
        tries += [some for count in range(len(alike), fewest - 1, -1) for some in combinations(alike, count)]
    failure: Exception | None = None
    for names in tries:
        rows = Rows(names, partial(standing_in, record.slots))
        try:
            return Compiled(step, named, event.detach(), parts, rows)
        except (RuntimeError, IndexError) as error:  # as of shapes that do not fit
            failure = failure or error
    assert failure is not None
    raise failure
