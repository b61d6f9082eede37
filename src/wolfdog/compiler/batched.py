"""Tensors that stand for many: gradients come so by `is_grads_batched`, as in Jacobians with `vectorize=True`."""

from collections.abc import Sequence

import torch
from torch import Tensor

_functorch = torch._C._functorch


def batched(tensors: Sequence[Tensor | None]) -> bool:
    """Whether one of them stands for many, which kernels do not take.

    >>> torch.func.vmap(lambda one: one + batched([one]))(torch.zeros(2))
    tensor([1., 1.])
    """
    return any(
        tensor is not None
        and (_functorch.is_batchedtensor(tensor) or _functorch.is_legacy_batchedtensor(tensor))
        for tensor in tensors
    )


def differentiable(tensor: Tensor) -> bool:
    """Whether a gradient rule of our own serves a tensor: one is wanted, and the tensor does not stand for many."""
    return torch.is_grad_enabled() and tensor.requires_grad and not batched((tensor,))
