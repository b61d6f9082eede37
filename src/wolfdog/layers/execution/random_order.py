"""Order of random numbers within a step: whether those drawn for kernels are those that the eager loop draws."""

from torch import Tensor, nn

from ..cell.protocol import initial_state
from ..cell.state import State, tensors


def other_draws(cell: nn.Module, x: Tensor, state: State, resets: bool) -> str | None:
    """Reason why the loop would draw other random numbers than are drawn for kernels; None where it would not.

    Args:
        cell: The cell.
        x: Events [T, B, ...].
        state: State before the sequence.
        resets: Whether there are resets.

    Returns:
        The reason, or None.
    """
    if resets and initial_state(cell, x.shape[1]) is None:
        return "after a reset, the loop draws the random numbers of a step twice"
    if not all(_in_order(tensor) for tensor in (x[0], *tensors(state))):
        return "random numbers are drawn in the order of memory, in which events or states are transposed"
    return None


def _in_order(tensor: Tensor) -> bool:
    """Whether the axes of a tensor lie in memory in their order, the last innermost."""
    strides = [stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size != 1]
    return strides == sorted(strides, reverse=True) and 0 not in strides
