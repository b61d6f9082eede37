"""Argument checks of memories; events, entries and times are converted to the layout [B, T, ...]."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from ..layers.cell.arguments import described, values_known


def checked_events(x: Tensor, size: int, name: str) -> Tensor:
    """Events [T, B, I] as [B, T, I].

    Raises:
        ShapeError: The number of features or the type is wrong.
    """
    if x.dim() != 3 or x.shape[-1] != size or not x.is_floating_point():
        raise ShapeError(
            f"{name}: each event must be {size} floating point numbers, because input_size={size}; "
            f"got {described(x)}"
        )
    return x.transpose(0, 1)


def checked_entries(
    memory: Tensor, size: int, batch: int, batched: bool, batch_first: bool, name: str
) -> Tensor:
    """Attended entries in the caller's layout, as [B, S, size].

    Raises:
        ShapeError: The shape or the type is wrong.
    """
    shape = list(memory.shape) if isinstance(memory, Tensor) else []
    expected = ["S", size] if not batched else [batch, "S", size] if batch_first else ["S", batch, size]
    fits = len(shape) == len(expected) and all(e in ("S", n) for e, n in zip(expected, shape, strict=True))
    if not fits or not memory.is_floating_point():
        raise ShapeError(
            f"{name}: memory must be floating point numbers [{', '.join(map(str, expected))}], with the layout of x "
            f"and entry_size={size}; got {described(memory)}"
        )
    if not batched:
        return memory.unsqueeze(0)
    return memory if batch_first else memory.transpose(0, 1)


def checked_times(
    times: Tensor | None,
    shape: Sequence[int],
    batched: bool,
    batch_first: bool,
    used: bool,
    device: torch.device,
) -> Tensor:
    """Times of events in seconds [B, T], from the caller's layout; [B, 0] if times are not used.

    Raises:
        InputError: Times are missing, or are given although no position encoding uses them.
        ShapeError: The shape is wrong.
    """
    batch, steps = shape
    if not _check_use(times, used):
        return torch.zeros(batch, 0, dtype=torch.float64, device=device)
    expected = [steps] if not batched else [batch, steps] if batch_first else [steps, batch]
    if not isinstance(times, Tensor) or list(times.shape) != expected:
        raise ShapeError(f"times must be seconds of shape {expected}; got {described(times)}")
    times = times.to(device, torch.float64)
    if not batched:
        return times.unsqueeze(0)
    return times if batch_first else times.transpose(0, 1)


def checked_time(time: Any, batch: int, batched: bool, used: bool, device: torch.device) -> Tensor:
    """Time of one event of each sequence in seconds [B, 1], from one number or [B]; [B, 0] if times are not used.

    Raises:
        InputError: The time is missing or not finite, or is given although no position encoding uses it.
        ShapeError: The shape is wrong.
    """
    if not _check_use(time, used):
        return torch.zeros(batch, 0, dtype=torch.float64, device=device)
    seconds = torch.as_tensor(time, dtype=torch.float64, device=device)
    if list(seconds.shape) not in ([[], [batch]] if batched else [[]]):
        expected = f"[{batch}], or one number" if batched else "one number"
        raise ShapeError(f"time must be seconds, {expected}; got {described(seconds)}")
    return check_finite(seconds.expand(batch)[:, None])


def check_finite(times: Tensor) -> Tensor:
    """Times, checked to be finite where their values are known.

    Raises:
        InputError: Some are not.
    """
    if times.numel() and values_known(times) and not bool(times.isfinite().all()):
        raise InputError("times must be finite numbers of seconds; some are not")
    return times


def _check_use(times: Any, used: bool) -> bool:
    if used and times is None:
        raise InputError("RelativeTime() needs the times of events: pass times (seconds)")
    if not used and times is not None:
        raise InputError("times are not used here: leave them out, or use position=RelativeTime()")
    return used


def expands(tensor: Tensor, shape: Sequence[int]) -> bool:
    """Whether a tensor can be expanded to a shape."""
    wide = zip(reversed(tensor.shape), reversed(shape), strict=False)
    return tensor.dim() <= len(shape) and all(one in (1, other) for one, other in wide)
