"""Contributions of frames to a context label, estimated by gradients."""

import numpy as np
import torch

from wolfdog.errors import InputError

from ..counterfactuals.frames import Frames
from ..counterfactuals.memory import frames_memory
from ..smoothing.method import Floats, Method, Stream
from .leave_one_out import _last, log_odds


def gradient_contributions(
    method: Method, stream: Stream, frame: int, *, label: int | None = None, ahead: bool = False
) -> Floats:
    """[F] first-order estimates of the contributions of `leave_one_out`, by one run and one gradient.

        contribution(s) ~ d logit q_t(label) / d g_s   at g = 1,   h_s = h_{s-1} + g_s (step(x_s, h_{s-1}) - h_{s-1})

    With a gate g_s of 0 the memory passes frame s by, so that the derivative at 1 is the linear estimate of leaving it
    out, but for the seconds that passed. NaN for frame t itself.

    Args:
        method: A recurrent memory.
        stream: One deployment.
        frame: Number t of the frame.
        label: Position of the label that is explained; the context label where None.
        ahead: Whether the method looks ahead.

    Raises:
        InputError: The method is no recurrent memory, or there is no such frame.
    """
    memory = frames_memory(method, classes=stream.table.classes, blank=stream.blank)
    if memory is None:
        raise InputError(
            f"{method.name} has no gradients: only recurrent memories do. Leave moments out instead."
        )
    last = _last(stream, frame, ahead)
    frames = Frames.of(Stream(stream.table.take(stream.frame < last)))
    gates = torch.ones(last, requires_grad=True)
    log_q = memory.gated(frames, frame, gates, ahead=ahead)
    k = int(log_q.argmax()) if label is None else label
    (gradient,) = torch.autograd.grad(log_odds(log_q, k), gates)
    found = np.zeros(len(stream.first))
    found[:last] = gradient.double().numpy()
    found[frame] = np.nan
    return found
