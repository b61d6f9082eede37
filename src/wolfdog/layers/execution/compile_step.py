"""Tracing and compilation of a cell's step, which leave the cell unchanged."""

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..cell.int8_weight import int8_weights
from ..cell.rng import generators, replayed
from ..cell.state import State, rebuilt, tensors
from .attribute_reads import Reads, recording
from .cell_cache import CellRecord, Program, standing_in
from .eager import EagerRunner
from .probing import NumbersUnread, Untouched, probing

if TYPE_CHECKING:
    from ...compiler.driver import Compiled

HALF = (torch.bfloat16, torch.float16)
"""Formats of which kernels compute in float32."""

FEW = 4
"""Of so many attributes with as many rows every choice is tried, of more only all of them."""


def compile_step(
    record: CellRecord,
    eager: EagerRunner,
    event: Tensor,
    state: State,
    lifted: frozenset[str],
    *,
    reduced: bool = False,
) -> Program:
    """Compiled step for events and states of this form, or the reason why there is none.

    Args:
        record: Cache entry of the cell.
        eager: Eager runner of the cell.
        event: An event [B, ...].
        state: A state.
        lifted: Names of numbers among the cell's attributes that become arguments.
        reduced: Whether products round to bfloat16.

    Returns:
        The program.

    Raises:
        Exception: The cell itself raises it for such an event and state.
    """
    from ...compiler.driver import Refusal  # llvmlite loads slowly

    def refuse(reason: str) -> None:
        raise Refusal(reason)

    modules, reads, ties = record.modules, Reads(refuse), record.ties()
    untouched = Untouched(modules)
    made: Compiled | str
    numbers = record.arguments(lifted, inner_format(_format(event, state)))
    slots = {name: record.number_slot(name) for name in lifted}
    try:
        stand_in = standing_in(slots, {name: numbers[name] for name in lifted})
        with stand_in, recording(modules, reads), replayed(generators(event.device), event.device):
            made = _traced(record, eager, event, state, numbers, reduced)
    except Refusal as refusal:
        made = str(refusal)
    except Exception as error:
        untouched.put_back()
        # An error of the cell itself, where it raises one, says more than an error of the trace.
        with probing(modules, event.device):
            eager.step(event, state)
        made = f"tracing it raised {type(error).__name__}: {error}"
    changed = untouched.put_back()
    if changed:
        made = f"a step changes {min(changed)} of the cell"
    kept = [read for read in reads.all() if read.name not in changed]
    return Program(made, kept, ties, lifted)


def _format(event: Tensor, state: State) -> torch.dtype:
    """Number format of a step: the event's, or that of its states where the event consists of whole numbers."""
    return event.dtype if event.is_floating_point() else next(tensors(state)).dtype


def inner_format(dtype: torch.dtype) -> torch.dtype:
    """Format in which kernels compute for tensors of a format."""
    return torch.float32 if dtype in HALF else dtype


def _traced(
    record: CellRecord,
    eager: EagerRunner,
    event: Tensor,
    state: State,
    named: dict[str, Tensor],
    reduced: bool,
) -> "Compiled":
    """Compiled step; attributes with one row per example are tried where the step fails without them.

    Raises:
        Refusal: The step cannot be compiled.
    """
    from ...compiler.driver import Compiled, MatrixFormat, Refusal
    from ...compiler.frontend.trace import Rows

    def step(x: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        with NumbersUnread(Refusal):
            output, after = eager.step(x, rebuilt(state, states))
        if not all(isinstance(part, Tensor) for part in tensors(after)):
            raise Refusal("a state is made of more than tensors")
        return output, list(tensors(after))

    parts, slots = [t.detach() for t in tensors(state)], record.slots
    attributes = [name for name in named if name in slots and record.is_attribute(name)]
    outer = _half_format(record, eager, event, state, named)
    if outer is not None:
        named = {name: _single(tensor) for name, tensor in named.items()}
        event, parts = _single(event), [_single(part) for part in parts]
    quantized = any(int8_weights(module) for module in record.modules)
    matrices = MatrixFormat.BFLOAT16 if reduced or outer is torch.bfloat16 else MatrixFormat.FLOAT32
    matrices = MatrixFormat.INT8 if quantized else matrices
    inside = {name: named[name] for name in named if name in slots and outer is not None}
    tries: list[tuple[str, ...]] = [()]
    for length in dict.fromkeys(len(named[name]) for name in attributes):
        alike = [name for name in attributes if len(named[name]) == length]
        # Some may be matrices whose number of rows equals the batch size by chance.
        fewest = 1 if len(alike) <= FEW else len(alike)
        tries += [some for count in range(len(alike), fewest - 1, -1) for some in combinations(alike, count)]
    failure: Exception | None = None
    for names in tries:
        rows = Rows(names, partial(standing_in, slots))
        try:
            with standing_in(slots, inside):
                return Compiled(step, named, event.detach(), parts, rows, matrices=matrices, outer=outer)
        except (RuntimeError, IndexError) as error:  # as of shapes that do not fit
            failure = failure or error
    assert failure is not None
    raise failure


@torch.inference_mode(False)  # the trace is made outside of it
def _single(tensor: Tensor) -> Tensor:
    return tensor.detach().float() if tensor.is_floating_point() else tensor


def _half_format(
    record: CellRecord, eager: EagerRunner, event: Tensor, state: State, named: Mapping[str, Tensor]
) -> torch.dtype | None:
    """bfloat16 or float16, where all tensors of a step have this format; None for any other step.

    Raises:
        Refusal: A step of this format gives another.
    """
    from ...compiler.driver import Refusal

    given = [event, *tensors(state), *named.values()]
    formats = {tensor.dtype for tensor in given if tensor.is_floating_point()}
    if len(formats) != 1 or formats.isdisjoint(HALF):
        return None
    (dtype,) = formats
    with probing(record.modules, event.device):
        output, after = eager.step(event, state)
    found = {tensor.dtype for tensor in (output, *tensors(after))}
    if found != {dtype}:
        raise Refusal(f"a step of {dtype} gives {', '.join(sorted(map(str, found)))}")
    return dtype
