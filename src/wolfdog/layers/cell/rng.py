"""Random number generator states: saving and replaying."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def generators(device: torch.device) -> list[Tensor]:
    """States of the random number generators that a step may use."""
    states = [torch.get_rng_state()]
    if device.type not in ("cpu", "meta"):
        states.append(torch.get_device_module(device).get_rng_state(device))
    return states


def _set(states: Sequence[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    for state in states[1:]:
        torch.get_device_module(device).set_rng_state(state, device)


@contextmanager
def replayed(states: Sequence[Tensor] | None, device: torch.device) -> Iterator[None]:
    """Context that draws random numbers from saved generator states, and restores the generators afterwards."""
    if states is None:
        yield
        return
    own = generators(device)
    _set(states, device)
    try:
        yield
    finally:
        _set(own, device)
