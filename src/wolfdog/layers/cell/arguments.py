"""Argument checks of layers, and conversion to the layout [T, B, ...]."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ...errors import InputError, ShapeError
from .protocol import check_state
from .state import State, transform


def laid_out(
    x: Tensor,
    state: State | None,
    lengths: Tensor | Sequence[int] | None,
    resets: Tensor | None,
    batch_first: bool,
) -> tuple[bool, tuple[Tensor, State | None, Tensor | None, Tensor | None]]:
    """Checked arguments in the layout of runners, time first with a batch.

    Returns:
        Whether the events have a batch, and (x, state, lengths, resets).

    Raises:
        ShapeError: A shape or type is wrong.
        InputError: Lengths are out of range.
    """
    batched = check_events(x, batch_first)
    if not batched:
        x = x.unsqueeze(1)
    elif batch_first:
        x = x.transpose(0, 1)
    steps, batch = x.shape[:2]
    state = with_batch(state, batch, batched)
    if lengths is not None:
        lengths = checked_lengths(lengths, steps, batch if batched else None)
    if resets is not None:
        check_resets(resets, steps, batch if batched else None, batch_first)
        resets = resets.to(x.device)
        if not batched:
            resets = resets.unsqueeze(1)
        elif batch_first:
            resets = resets.transpose(0, 1)
    return batched, (x, state, lengths, resets)


def check_events(x: Tensor, batch_first: bool) -> bool:
    """Whether events have a batch.

    Raises:
        ShapeError: The value is not a sequence of events.
    """
    if isinstance(x, PackedSequence):
        raise ShapeError(
            "x is a PackedSequence: pass the events padded, as torch.nn.utils.rnn.pad_packed_sequence gives them, and "
            "where they end as lengths="
        )
    if not isinstance(x, Tensor) or x.dim() < 2:
        layout = "[B, T, ...]" if batch_first else "[T, B, ...]"
        raise ShapeError(f"x must be {layout}, or [T, I] without a batch; got {described(x)}")
    return x.dim() > 2


def with_batch(state: State | None, batch: int, batched: bool) -> State | None:
    """Checked state, with a batch dimension of one if the call has no batch."""
    if state is None:
        return None
    check_state(state, batch if batched else None)
    return state if batched else transform(lambda tensor: tensor.unsqueeze(0), state)


def checked_lengths(
    lengths: Tensor | Sequence[int], steps: int, batch: int | None, name: str = "lengths"
) -> Tensor:
    """Lengths [B] in 0..steps; one number without a batch.

    Raises:
        ShapeError: The shape or type is wrong.
        InputError: A length is out of range.
    """
    checked = lengths if isinstance(lengths, Tensor) else torch.as_tensor(lengths, device="cpu")
    whole = not (checked.is_floating_point() or checked.is_complex() or checked.dtype is torch.bool)
    expected = [] if batch is None else [batch]
    if not (whole or checked.numel() == 0) or list(checked.shape) != expected:
        raise ShapeError(f"{name} must be whole numbers of shape {expected}; got {described(checked)}")
    if not values_known(checked):
        if torch.compiler.is_compiling() and checked.numel():  # checked where the graph runs
            within = ((checked >= 0) & (checked <= steps)).all()
            torch._assert_async(within, f"{name} must lie between 0 and the number of events")
        return checked.reshape(-1).to(torch.int64)
    least, most = map(int, checked.aminmax()) if checked.numel() else (0, 0)
    if not 0 <= least <= most <= steps:
        raise InputError(f"{name} must lie in 0..{steps}, the number of events; got {checked.tolist()}")
    return checked.reshape(-1).to(torch.int64, copy=True)  # a copy, since the backward pass reads them too


def described(value: object) -> str:
    """Shape and type of a tensor for error messages; the type of any other value."""
    if isinstance(value, Tensor):
        return f"{list(value.shape)} of {value.dtype}"
    return type(value).__name__


def check_resets(resets: Tensor, steps: int, batch: int | None, batch_first: bool) -> None:
    """Check of resets: booleans in the layout of the events.

    Raises:
        ShapeError: They are not.
    """
    expected = [steps] if batch is None else [batch, steps] if batch_first else [steps, batch]
    if not isinstance(resets, Tensor) or resets.dtype is not torch.bool or list(resets.shape) != expected:
        raise ShapeError(f"resets must be booleans of shape {expected}; got {described(resets)}")


def check_probability(name: str, value: float) -> float:
    """Dropout probability as a float.

    Raises:
        InputError: It is not a number in [0, 1).
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise InputError(f"{name} must be a probability, 0 or more and less than 1; got {value!r}")
    return float(value)


def values_known(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be read: not inside a graph, and not where vmap holds one for each example."""
    if torch.compiler.is_compiling():
        return False
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return False
        tensor = functorch.get_unwrapped(tensor)
    return True
