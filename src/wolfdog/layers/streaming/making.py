"""Parts that layers make their streams of."""

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..cell.arguments import described
from ..cell.sequence_layer import SequenceLayer
from ..cell.state import State
from .loop_stream import LoopStream


def event_buffer(layer: nn.Module, size: int | None, batch: int, x: Tensor | None = None) -> Tensor:
    """Buffer of events of a stream.

    Args:
        layer: The layer.
        size: Features of an event; None where the layer does not say it.
        batch: Number of streams side by side.
        x: Buffer of the caller.

    Returns:
        The caller's buffer, or a new one [batch, size] of zeros in the format of the layer's parameters.

    Raises:
        InputError: `batch` is not a whole number of 1 or more, the buffer is not one for so many events, or there is
            none and the layer does not say what events are.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise InputError(f"batch must be a whole number, 1 or more; got {batch!r}")
    if x is not None:
        if not isinstance(x, Tensor) or x.dim() < 1 or len(x) != batch or not x.is_contiguous():
            raise InputError(f"x must be a contiguous tensor of {batch} events, [B, ...]; got {described(x)}")
        return x
    if size is None:
        raise InputError("the cell has no input_size: give x=, a buffer of events [batch, ...]")
    like = next((p for p in layer.parameters() if p.is_floating_point()), None)
    dtype, device = (None, "cpu") if like is None else (like.dtype, like.device)
    with torch.inference_mode(False):  # steps outside of inference mode write to it
        return torch.zeros(batch, size, dtype=dtype, device=device)


def layer_loop(layer: SequenceLayer, x: Tensor, reason: str, initial: State | None = None) -> LoopStream:
    """Stream that calls a layer's own step.

    Args:
        layer: The layer.
        x: Buffer of events.
        reason: Reason why no kernel runs.
        initial: Initial state; None where the layer determines it.
    """

    def step(event: Tensor, state: State | None, anew: Tensor | None) -> tuple[Tensor, State]:
        if anew is None or state is None:
            return layer.step(event, state)
        axis = 1 if layer.batch_first else 0
        y, after = layer(event.unsqueeze(axis), state, resets=anew.unsqueeze(axis))
        return y.squeeze(axis), after

    return LoopStream(step, x, reason, initial)
