"""Batched tensors of PyTorch's transforms, and gradients that PyTorch's own operators compute.

Kernels take plain tensors. Gradients arrive as batched tensors with `is_grads_batched`, as in Jacobians with
`vectorize=True`; and where a gradient is to be differentiated again, it needs a graph of operators.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from ..errors import InputError

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
    """Whether a backward pass has to use PyTorch's operators.

    They are used for second derivatives, for gradients that are no plain tensors, and where a dispatch mode, as the
    counter of floating-point operations, is to see what is computed.
    """
    return torch.is_grad_enabled() or not readable(gradients)


def readable(tensors: Iterable[Tensor | None]) -> bool:
    """Whether kernels may read tensors now: plain ones with memory on the CPU, and no dispatch mode is active."""
    return not torch._C._len_torch_dispatch_stack() and all(map(_plain, tensors))


_PLAIN = frozenset((Tensor, nn.Parameter))


def _plain(tensor: Tensor | None) -> bool:
    if tensor is None:
        return True
    if type(tensor) not in _PLAIN or not tensor.is_cpu or tensor.layout is not torch.strided:
        return False
    if batched((tensor,)) or tensor.is_neg() or tensor.is_nested:
        return False
    return not tensor.numel() or tensor.untyped_storage().nbytes() > 0


def without_memory(tensor: object) -> bool:
    """Whether the memory of a plain tensor on the CPU was given back, so that some of PyTorch's operators crash."""
    if type(tensor) not in _PLAIN:
        return False
    assert isinstance(tensor, Tensor)
    if not tensor.is_cpu or tensor.layout is not torch.strided or tensor.is_nested or batched((tensor,)):
        return False
    return (
        not torch._is_functional_tensor(tensor)
        and bool(tensor.numel())
        and not tensor.untyped_storage().nbytes()
    )


Form = tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]
"""Sizes, strides, number format and device of a tensor."""


Saved = tuple[list[Form | None], list[int] | None]
"""Forms of tensors, and the addresses of their memory; no addresses where one is no plain tensor."""


def forms(tensors: Sequence[Tensor | None]) -> Saved:
    """Forms and addresses of tensors that are saved for a backward pass."""
    looks = [None if t is None else (t.shape, t.stride(), t.dtype, t.device) for t in tensors]
    return looks, _addresses(tensors)


def _addresses(tensors: Sequence[Tensor | None]) -> list[int] | None:
    given = [t for t in tensors if t is not None]
    if not _PLAIN.issuperset(map(type, given)) or any(map(Tensor.is_neg, given)):
        return None
    try:
        return list(map(Tensor.data_ptr, given))
    except RuntimeError:  # of a tensor that stands for others
        return None


def as_saved(tensors: Sequence[Tensor | None], were: Saved) -> tuple[list[Any], bool]:
    """Saved tensors in the memory layout in which they were saved.

    Args:
        tensors: The tensors, as hooks on saved tensors return them.
        were: Their forms and addresses at the time.

    Returns:
        The tensors, and whether they are those that were saved.

    Raises:
        InputError: A hook returned a tensor of another size, number format or device.
    """
    now = forms(tensors)
    if now[1] is not None and now == were:
        return list(tensors), True
    found: list[Tensor | None] = []
    for tensor, form in zip(tensors, were[0], strict=True):
        if tensor is not None and form is not None:
            shape, strides, dtype, device = form
            if tensor.shape != shape or tensor.dtype != dtype or tensor.device != device:
                raise InputError(
                    f"backward pass: a hook on saved tensors returned {list(tensor.shape)} of {tensor.dtype} on "
                    f"{tensor.device} for {list(shape)} of {dtype} on {device}: it must return what was saved"
                )
            if without_memory(tensor):
                raise InputError(
                    "backward pass: a hook on saved tensors returned one whose memory was given back"
                )
            if type(tensor) is Tensor and tensor.layout is torch.strided and tensor.stride() != strides:
                tensor = torch.empty_strided(shape, strides, dtype=dtype, device=device).copy_(tensor)
        found.append(tensor)
    return found, False


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
