"""Cost of a memory: learned parameters, and time for each frame."""

import statistics
import time
from dataclasses import dataclass

import torch

from .context import Context

STEPS, WARM = 200, 20


@dataclass(frozen=True)
class Cost:
    """Cost of a context without its frame classifier.

    Attributes:
        parameters: Number of learned parameters, with the head's.
        microseconds: Median time for a frame of one stream, frame after frame, on one thread.
    """

    parameters: int
    microseconds: float


@torch.no_grad()
def cost_of(context: Context, embedding: int) -> Cost:
    """Cost of a context when its memory is full.

    Args:
        context: Memory and head.
        embedding: Size of an embedding.

    Returns:
        Parameters and time.

    Examples:
        >>> cost_of(Context("gru", classes=5), 32).parameters
        6501
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        context.eval()
        state, took = None, []
        for number in range(WARM + STEPS):
            event = torch.randn(1, 1, embedding)
            when = torch.tensor([[float(number)]], dtype=torch.float64)
            began = time.perf_counter()
            _, state = context(event, state, None, when)
            took.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    parameters = sum(parameter.numel() for parameter in context.parameters())
    return Cost(parameters, round(1e6 * statistics.median(took[WARM:]), 1))
