"""Batched tensors of PyTorch's transforms, and gradients that PyTorch's own operators compute.

Kernels take plain tensors. Gradients arrive as batched tensors with `is_grads_batched`, as in Jacobians with
`vectorize=True`; and where a gradient is to be differentiated again, it needs a graph of operators.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_functorch = torch._C._functorch


def batched(tensors: Sequence[Tensor | None]) -> bool:
    """Whether one of the tensors is a batched tensor of a transform.

    >>> torch.func.vmap(lambda one: one + batched([one]))(torch.zeros(2))
    tensor([1., 1.])
    """
    return any(
        tensor is not None
        and (_functorch.is_batchedtensor(tensor) or _functorch.is_legacy_batchedtensor(tensor))
        for tensor in tensors
    )


def differentiable(tensor: Tensor) -> bool:
    """Whether a gradient of a tensor is wanted and kernels can compute it."""
    return torch.is_grad_enabled() and tensor.requires_grad and not batched((tensor,))


def needs_operators(gradients: Sequence[Tensor | None]) -> bool:
    """Whether a backward pass has to use PyTorch's operators: for second derivatives, and for batched tensors."""
    return torch.is_grad_enabled() or batched(gradients)


def operator_gradients(
    function: Callable[..., Sequence[Tensor]], tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients of tensors by PyTorch's operators, with a graph where gradients are enabled.

    Args:
        function: Function of the tensors to the outputs.
        tensors: Tensors, of which those that require a gradient get one.
        gradients: Gradients of the outputs.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # new views stand for the tensors, so that this graph starts at them, whatever they were computed from
        given = [tensor.view_as(tensor) if tensor.requires_grad else tensor for tensor in tensors]
        outputs = function(*given)
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad]
    wanted = [tensor for tensor in given if tensor.requires_grad]
    if not pairs or not wanted:
        return [None] * len(tensors)
    ends, arriving = [o for o, _ in pairs], [g for _, g in pairs]
    found = iter(torch.autograd.grad(ends, wanted, arriving, create_graph=again, allow_unused=True))
    return [next(found) if tensor.requires_grad else None for tensor in given]
