"""Eligibility of calls for kernels. All others go to torch.nn, with its results and its errors."""

from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..execution.kernel_access import ordinary, plain, transformed


def fits(layer: nn.RNNBase, events: object, hx: object, dtype: torch.dtype) -> bool:
    """Whether events and state have the form that a layer with parameters of this format accepts."""
    if autocast() and torch.get_autocast_dtype("cpu") is not torch.bfloat16:
        return False
    if isinstance(events, PackedSequence):
        x, batch = events.data, int(events.batch_sizes[0])
        if not _event(x, dtype) or x.dim() != 2:
            return False
        wanted: tuple[int, ...] = (batch,)
    else:
        if not isinstance(events, Tensor) or not _event(events, dtype) or events.dim() not in (2, 3):
            return False
        x = events
        steps, *rest = x.shape[:-1] if x.dim() == 2 or not layer.batch_first else x.shape[1::-1]
        if steps == 0 or 0 in rest:
            return False
        wanted = tuple(rest)
    if x.shape[-1] != layer.input_size:
        return False
    return hx is None or _states(layer, hx, dtype, wanted)


def _event(x: object, dtype: torch.dtype) -> TypeGuard[Tensor]:
    if not isinstance(x, Tensor):
        return False
    if torch.compiler.is_compiling():  # a graph's tensors stand for plain ones
        if x.device.type != "cpu":
            return False
    elif not (ordinary(x) if transformed() else plain(x)):
        return False
    return x.dtype is dtype or (x.dtype is torch.bfloat16 and dtype is torch.float32 and autocast())


def _states(layer: nn.RNNBase, hx: object, dtype: torch.dtype, batch: tuple[int, ...]) -> bool:
    sizes = state_sizes(layer)
    states: Sequence[object] = (hx,) if len(sizes) == 1 else hx if isinstance(hx, tuple | list) else ()
    if len(states) != len(sizes):
        return False
    depth = layer.num_layers * (2 if layer.bidirectional else 1)
    for state, size in zip(states, sizes, strict=True):
        if not _event(state, dtype) or state.shape != (depth, *batch, size):
            return False
    return True


def state_sizes(layer: nn.RNNBase) -> list[int]:
    """Number of units of h, and of c where there is one."""
    return [layer.proj_size or layer.hidden_size, *([layer.hidden_size] if layer.mode == "LSTM" else [])]


def autocast() -> bool:
    """Whether autocast is enabled."""
    return torch.is_autocast_enabled("cpu")
