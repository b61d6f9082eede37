"""What attention is called with besides what every layer is: checked, and laid out with the batch first."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from ..layers.cell.arguments import described


def events(x: Tensor, size: int, name: str) -> Tensor:
    """Events [T, B, I] as [B, T, I]. Raises ShapeError for another size or type."""
    if x.dim() != 3 or x.shape[-1] != size or not x.is_floating_point():
        raise ShapeError(
            f"{name}: events must hold {size} floating point numbers each, because input_size={size}; "
            f"got {described(x)}"
        )
    return x.transpose(0, 1)


def entries(memory: Tensor, size: int, batch: int, batched: bool, batch_first: bool, name: str) -> Tensor:
    """What is attended to, laid out as it came, as [B, S, size]. Raises ShapeError for another shape or type."""
    given = list(memory.shape) if isinstance(memory, Tensor) else []
    expected = ["S", size] if not batched else [batch, "S", size] if batch_first else ["S", batch, size]
    fits = len(given) == len(expected) and all(e in ("S", n) for e, n in zip(expected, given, strict=True))
    if not fits or not memory.is_floating_point():
        raise ShapeError(
            f"{name}: memory must be [{', '.join(map(str, expected))}] of floating point numbers, as x is laid out and "
            f"because entry_size={size}; got {described(memory)}"
        )
    if not batched:
        return memory.unsqueeze(0)
    return memory if batch_first else memory.transpose(0, 1)


def seconds(
    times: Tensor | None,
    shape: Sequence[int],
    batched: bool,
    batch_first: bool,
    wanted: bool,
    device: torch.device,
) -> Tensor:
    """Seconds [B, T] of events, from times laid out as they came; [B, 0] where none are wanted.

    Raises InputError where times are missing, or where nothing looks at them; ShapeError for a wrong shape.
    """
    batch, steps = shape
    if not _given(times, wanted):
        return torch.zeros(batch, 0, dtype=torch.float64, device=device)
    expected = [steps] if not batched else [batch, steps] if batch_first else [steps, batch]
    if not isinstance(times, Tensor) or list(times.shape) != expected:
        raise ShapeError(f"times must be seconds of shape {expected}; got {described(times)}")
    times = times.to(device, torch.float64)
    if not batched:
        return times.unsqueeze(0)
    return times if batch_first else times.transpose(0, 1)


def seconds_now(time: Any, batch: int, batched: bool, wanted: bool, device: torch.device) -> Tensor:
    """Seconds [B, 1] of one event of each sequence, or [B, 0]; one number is for all of them. Errors as `seconds`."""
    if not _given(time, wanted):
        return torch.zeros(batch, 0, dtype=torch.float64, device=device)
    given = torch.as_tensor(time, dtype=torch.float64, device=device)
    if list(given.shape) not in ([[], [batch]] if batched else [[]]):
        expected = f"[{batch}], or one number" if batched else "one number"
        raise ShapeError(f"time must be seconds, {expected}; got {described(given)}")
    return finite(given.expand(batch)[:, None])


def finite(when: Tensor) -> Tensor:
    """The seconds that were given. Raises InputError where some are no finite numbers."""
    if not bool(when.isfinite().all()):
        raise InputError("times must be finite numbers of seconds; got some that are not")
    return when


def _given(times: Any, wanted: bool) -> bool:
    if wanted and times is None:
        raise InputError("RelativeTime() needs to know when events were: pass times (seconds)")
    if not wanted and times is not None:
        raise InputError("times were given, but nothing looks at them: leave them out, or use RelativeTime()")
    return wanted
