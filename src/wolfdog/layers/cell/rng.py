"""Random numbers drawn once more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def generators(device: torch.device) -> list[Tensor]:
    """The states of the random number generators that a step may draw from."""
    states = [torch.get_rng_state()]
    if device.type not in ("cpu", "meta"):
        states.append(torch.get_device_module(device).get_rng_state(device))
    return states


def _set(states: Sequence[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    for state in states[1:]:
        torch.get_device_module(device).set_rng_state(state, device)


@contextmanager
def drawing(states: Sequence[Tensor] | None, device: torch.device) -> Iterator[None]:
    """Random numbers as they were drawn from these states on; the generators go on afterwards as if nothing was."""
    if states is None:
        yield
        return
    own = generators(device)
    _set(states, device)
    try:
        yield
    finally:
        _set(own, device)
