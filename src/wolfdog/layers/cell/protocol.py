"""Call protocol of cells: initial state, and the parts of a cell's result."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ...cells import Cell
from ...cells.cell import OneMemoryCell, TwoMemoryCell
from ...errors import InputError, ShapeError
from .rng import generators, replayed
from .state import State, structure, tensors

Returns = Literal["state", "output, state"]


def check_returns(cell: nn.Module, returns: Returns | None) -> Returns | None:
    """Form of a cell's result if it is known before a call: as given, or that of wolfdog's and torch's cells.

    Raises:
        InputError: `returns` is unknown, or contradicts the cell.
    """
    if returns is not None and returns not in get_args(Returns):
        raise InputError(f'returns must be "state" or "output, state"; got {returns!r}')
    if isinstance(cell, Cell | nn.RNNCellBase):
        if returns == "output, state":
            raise InputError(f'{type(cell).__name__} returns its state: leave returns="output, state" out')
        return "state"
    return returns


def initial_state(cell: nn.Module, batch: int) -> State | None:
    """Initial state of a cell, each tensor [batch, ...]; None if only `cell(x)` creates it.

    It is the result of the cell's method `initial_state(batch)`, or zeros for torch's cells.

    Raises:
        ShapeError: The method's result is not a state of that batch.
    """
    own = getattr(cell, "initial_state", None)
    if callable(own):
        state: State = own(batch)
        check_state(state, batch)
        return state
    if isinstance(cell, nn.RNNCellBase):
        like = cell.weight_hh
        zeros = torch.zeros(batch, cell.hidden_size, device=like.device, dtype=like.dtype)
        return (zeros, zeros) if isinstance(cell, nn.LSTMCell) else zeros
    return None


def starts_from_zeros(cell: nn.Module) -> bool:
    """Whether a cell always starts from zeros: torch's cells, and wolfdog's without an initial state of their own."""
    own = getattr(type(cell), "initial_state", None)
    if "initial_state" in cell.__dict__:
        return False
    zeros = (OneMemoryCell.initial_state, TwoMemoryCell.initial_state)
    return isinstance(cell, nn.RNNCellBase) if own is None else own in zeros


def result_form(
    cell: nn.Module, before: State | None, result: object, event: Tensor | None = None
) -> Returns:
    """Form of a cell's result, inferred from the structure of the state passed in.

    A tuple from a cell called without a state may be either: both readings are tried on a few examples like `event`.

    Raises:
        InputError: The result has neither form, or either may apply.
    """
    name = type(cell).__name__
    _check_tuples(cell, result)
    if isinstance(result, Tensor) and before is None:
        return "state"
    if before is None:
        found = None if event is None else _tried(cell, event)
        if found is not None:
            return found
        raise InputError(
            f"{name} made its own zero state and returned {structure(result)}: this may be its state, or its "
            'output and its state. Choose with Recurrent(cell, returns="state") or '
            'Recurrent(cell, returns="output, state")'
        )
    if structure(result) == structure(before):
        return "state"
    if structure(result) == f"(tensor, {structure(before)})":
        return "output, state"
    raise InputError(
        f"{name} received a state of the form {structure(before)} and returned {structure(result)}; a cell "
        'must return its state, in that form (returns="state"), or a pair of its output and its state '
        '(returns="output, state")'
    )


SIZES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
"""Numbers of examples to try a cell on: one that none of its axes has, so that rows are not taken for features."""


def _tried(cell: nn.Module, event: Tensor) -> Returns | None:
    """Only reading of a cell's result with which the cell runs on and keeps its form; None if both or neither do."""
    held = [*cell.parameters(), *cell.buffers()]
    taken = {size for tensor in (*held, event[:1]) for size in tensor.shape}
    size = next((size for size in SIZES if size not in taken), SIZES[-1])
    some = event[:1].detach().expand(size, *event.shape[1:]).clone()
    buffers = [(buffer, buffer._version, buffer.detach().clone()) for buffer in cell.buffers()]
    attributes = [(module.__dict__, dict(module.__dict__)) for module in cell.modules()]
    try:
        with torch.no_grad(), replayed(generators(some.device), some.device):
            first = cell(some)
            readings: dict[Returns, State] = {"state": first}
            if isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], Tensor):
                readings["output, state"] = first[1]
            fitting = [returns for returns, state in readings.items() if _keeps(cell, some, state, first)]
    finally:
        for held_now, was in attributes:
            held_now.clear()
            held_now.update(was)
        for buffer, version, kept in buffers:
            if buffer._version != version:
                with torch.no_grad():
                    buffer.copy_(kept)
    return fitting[0] if len(fitting) == 1 else None


def _keeps(cell: nn.Module, event: Tensor, state: State, first: State) -> bool:
    """Whether a step from a state runs, and returns what a step without one did, tensor by tensor."""
    try:
        again = cell(event, state)
        if structure(again) != structure(first):
            return False
        pairs = zip(tensors(again), tensors(first), strict=True)
        return all(a.shape == b.shape and a.dtype == b.dtype for a, b in pairs)
    except Exception:  # whichever the cell raises
        return False


def check_pair(cell: nn.Module, state: State | None) -> None:
    """Check that the state of torch.nn.LSTMCell is a pair (h, c).

    Raises:
        ShapeError: It is one tensor.
    """
    if isinstance(cell, nn.LSTMCell) and isinstance(state, Tensor):
        raise ShapeError(
            f"the state of {type(cell).__name__} must be a pair (h, c); got one tensor {list(state.shape)}: pass "
            "(state, torch.zeros_like(state)) to start from a hidden state alone"
        )


def _check_tuples(cell: nn.Module, result: object) -> None:
    """Check that a result holds tuples only.

    Raises:
        InputError: It holds a list.
    """
    parts = [result, *result] if isinstance(result, tuple | list) else [result]
    if any(isinstance(part, list) for part in parts):
        raise InputError(f"{type(cell).__name__} returned a list: a state of several tensors is a tuple")


def output_and_state(cell: nn.Module, returns: Returns, result: State) -> tuple[Tensor, State]:
    """Output and state from a cell's result.

    Raises:
        InputError: The result does not have this form.
    """
    _check_tuples(cell, result)
    if returns == "state":
        output = result
        while isinstance(output, tuple) and output:
            output = output[0]
        if isinstance(output, Tensor):
            return output, result
    elif isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Tensor):
        return result[0], result[1]
    raise InputError(f'{type(cell).__name__} returned {structure(result)}, which is not returns="{returns}"')


def check_state(state: State, batch: int | None) -> None:
    """Check of a state: tensors or tuples of states, with `batch` rows if that is a number.

    Raises:
        ShapeError: It is not.
    """
    for tensor in tensors(state):
        if not isinstance(tensor, Tensor):
            raise ShapeError(f"a state is a tensor or a tuple of states; got {structure(state)}")
        if batch is not None and (tensor.dim() == 0 or tensor.shape[0] != batch):
            raise ShapeError(
                f"every tensor of the state must have {batch} rows, as the events have; "
                f"got {list(tensor.shape)}"
            )
