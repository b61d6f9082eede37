"""Batched tensors of PyTorch's transforms, and gradients that PyTorch's own operators compute.

Kernels take plain tensors. Gradients arrive as batched tensors with `is_grads_batched`, as in Jacobians with
`vectorize=True`; and where a gradient is to be differentiated again, it needs a graph of operators.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

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


def recorded(tensors: Iterable[Tensor]) -> bool:
    """Whether autograd records what is computed from tensors."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def needs_operators(gradients: Sequence[Tensor | None]) -> bool:
    """Whether a backward pass has to use PyTorch's operators.

    They are used for second derivatives, for gradients that are no plain tensors, and where a dispatch mode, as the
    counter of floating-point operations, is to see what is computed.
    """
    return torch.is_grad_enabled() or not readable(gradients)


def readable(tensors: Iterable[Tensor | None]) -> bool:
    """Whether kernels may read tensors now: plain ones with memory on the CPU, and no dispatch mode is active."""
    return not torch._C._len_torch_dispatch_stack() and all(map(_plain, tensors))


PLAIN = frozenset((Tensor, nn.Parameter))
"""Classes of plain tensors."""


def _plain(tensor: Tensor | None) -> bool:
    if tensor is None:
        return True
    if type(tensor) not in PLAIN:
        return False
    if torch._C._dispatch_keys(tensor).raw_repr() in _dense_keys():
        return tensor.data_ptr() != 0 or not tensor.numel()
    if not tensor.is_cpu or tensor.layout is not torch.strided:
        return False
    if batched((tensor,)) or tensor.is_neg() or tensor.is_nested:
        return False
    return not tensor.numel() or tensor.untyped_storage().nbytes() > 0


@cache
def _dense_keys() -> frozenset[int]:
    """Dispatch keys of dense tensors on the CPU, within inference mode and outside of it, and of no other tensors."""
    found = set()
    for inference in (False, True):
        with torch.inference_mode(inference):
            found.add(torch._C._dispatch_keys(torch.empty(0, device="cpu")).raw_repr())
    return frozenset(found)


def without_memory(tensor: object) -> bool:
    """Whether the memory of a plain tensor on the CPU was given back, so that some of PyTorch's operators crash."""
    if type(tensor) not in PLAIN:
        return False
    assert isinstance(tensor, Tensor)
    if not tensor.is_cpu or tensor.layout is not torch.strided or tensor.is_nested or batched((tensor,)):
        return False
    return (
        not torch._is_functional_tensor(tensor)
        and bool(tensor.numel())
        and not tensor.untyped_storage().nbytes()
    )


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
    # the outputs were computed before: modes, as one that counts operations, see the gradients alone
    unseen = nullcontext() if again else _disable_current_modes()
    with torch.enable_grad(), unseen:
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
