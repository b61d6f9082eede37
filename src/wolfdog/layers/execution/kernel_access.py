"""Conditions under which kernels may run, and under which they may read a tensor's memory.

Every entry point of the library calls `obstacle`. A kernel receives addresses: it may read only plain strided tensors
on the CPU with allocated memory, and only while no mode or transform of PyTorch has to intercept operators.
"""

from collections.abc import Callable, Iterable
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrize
from torch.utils._device import DeviceContext

_PLAIN = (Tensor, nn.Parameter)
_functorch = torch._C._functorch
_peek = _functorch.peek_interpreter_stack
_pre_dispatch_modes: Callable[[], int] = torch._ops._len_torch_dispatch_stack_pre_dispatch


def obstacle(tensors: Iterable[object] = ()) -> str | None:
    """Reason why kernels may not run now over these tensors; None where they may.

    Args:
        tensors: The tensors.

    Returns:
        The reason, or None.

    Examples:
        >>> obstacle([torch.zeros(2)])
        >>> obstacle([torch.zeros(2, device="meta")])
        'a tensor is on meta: kernels run on the CPU'
    """
    reason = mode_at_work()
    if reason is not None:
        return reason
    for tensor in tensors:
        if not plain(tensor):
            return _not_plain(tensor)
    return None


def mode_at_work() -> str | None:
    """Name of the active mode or transform that has to see PyTorch's operators; None where there is none."""
    if transformed():
        return "a transform of torch.func, or forward-mode differentiation, is at work"
    if observed():
        return "a dispatch mode, a function mode or a tracer of PyTorch looks on"
    if parametrize._cache_enabled:
        return "within parametrize.cached() parameters are those that were computed first"
    return None


def transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is active."""
    return _peek() is not None or forward_ad._current_level >= 0


def observed() -> bool:
    """Whether a dispatch mode, a function mode or a tracer of torch.jit is active, which see operators only."""
    return (
        torch._C._len_torch_dispatch_stack() > 0
        or torch._C._get_tracing_state() is not None
        or (torch._C._len_torch_function_stack() > 0 and not _default_device_alone())
        or bool(_pre_dispatch_modes())
    )


def ordinary(tensor: object) -> TypeGuard[Tensor]:
    """Whether a tensor is on the CPU, of no subclass, strided, and not negated or conjugated lazily."""
    if type(tensor) not in _PLAIN:
        return False
    assert isinstance(tensor, Tensor)
    return tensor.is_cpu and tensor.layout is torch.strided and not tensor.is_neg() and not tensor.is_conj()


def plain(tensor: object) -> TypeGuard[Tensor]:
    """Whether a tensor's memory holds its values as they are: ordinary, not a wrapper, with allocated memory."""
    return (
        ordinary(tensor)
        and not _stands_for_many(tensor)
        and (tensor.numel() == 0 or tensor.untyped_storage().nbytes() > 0)
    )


def default_device() -> str:
    """Device of new tensors for which none is given."""
    count = torch._C._len_torch_function_stack()
    modes = [torch._C._get_function_stack_at(at) for at in range(count)]
    return next((str(mode.device) for mode in reversed(modes) if type(mode) is DeviceContext), "cpu")


def _stands_for_many(tensor: Tensor) -> bool:
    return bool(
        _functorch.is_batchedtensor(tensor)
        or _functorch.is_legacy_batchedtensor(tensor)
        or _functorch.is_gradtrackingtensor(tensor)
        or torch._is_functional_tensor(tensor)
    )


def _default_device_alone() -> bool:
    """Whether the active function modes only set a default device."""
    count = torch._C._len_torch_function_stack()
    return all(type(torch._C._get_function_stack_at(at)) is DeviceContext for at in range(count))


def _not_plain(tensor: object) -> str:
    if not isinstance(tensor, Tensor):
        return f"a {type(tensor).__name__} stands where a tensor was expected"
    if type(tensor) not in _PLAIN:
        return f"a tensor is a {type(tensor).__name__}, which may have operators of its own"
    if tensor.device.type != "cpu":
        return f"a tensor is on {tensor.device.type}: kernels run on the CPU"
    if tensor.layout is not torch.strided:
        return f"a tensor is laid out as {tensor.layout}"
    return "a tensor is a view that is computed when it is read, or its memory was given back"
