"""Time of a training step of models that are compared."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from timing import subnormals_as_zeros

M = TypeVar("M")


def interleaved(models: dict[str, M], step: Callable[[M], None], rounds: int = 5) -> dict[str, float]:
    """Median milliseconds of the processor for a step of each model, in turn; a first round is not counted.

    PyTorch makes zeros of subnormal numbers meanwhile, as kernels do: gradients vanish in some models and not in
    others, by their weights.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    with subnormals_as_zeros():
        for number in range(rounds + 1):
            for name, model in models.items():
                began = time.process_time()
                step(model)
                if number:  # the first round builds kernels
                    times[name].append(1e3 * (time.process_time() - began))
    return {name: float(np.median(found)) for name, found in times.items()}
