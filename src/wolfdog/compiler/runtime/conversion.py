"""Conversions of tensors between the format of a call and the format of its kernels."""

from typing import Any

import torch
from torch import Tensor

from ..backends.llvm.buffer_pool import WORTH, empty
from ..batched import needs_operators, readable, recorded


def converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Tensor in another format, as `tensor.to(dtype)`; large results lie in the pool of buffers.

    The pages of new memory cost more than the conversion itself.
    """
    if tensor.dtype is dtype:
        return tensor
    small = tensor.numel() * dtype.itemsize < WORTH
    if small or torch.compiler.is_compiling() or not readable((tensor,)):
        return tensor.to(dtype)
    if recorded((tensor,)):
        found: Tensor = _Conversion.apply(tensor, dtype)
        return found
    return _copied(tensor, dtype)


class _Conversion(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.dtype = tensor.dtype
        return _copied(tensor, dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> Any:
        if gradient is None:
            return None, None
        if needs_operators((gradient,)):
            return gradient.to(ctx.dtype), None
        return converted(gradient, ctx.dtype), None


def _copied(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return empty(*tensor.shape, dtype=dtype).copy_(tensor.detach())
