"""Comparison of tensors by form: type, number format, device, sizes and strides."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Alike = Callable[..., bool]
"""Whether tensors look as others did: type, number format, device, sizes, strides, and what modes make of them."""

_guards = getattr(getattr(torch._C, "_dynamo", None), "guards", None)

TENSOR_GUARDS = getattr(_guards, "TensorGuards", None)
"""Class of PyTorch's own guards; None where this release has none."""


def alike(like: Sequence[Tensor]) -> Alike:
    """Function that says whether given tensors have the same form as these, by PyTorch's own guards where available.

    PyTorch's guards refuse a tensor that is given twice, as the same zeros for both states of an LSTM. Where `like` has
    one, they compare each tensor once where the same ones are the same again, and all of them where none are.
    """
    if TENSOR_GUARDS is None:
        return alike_in_python(like)
    places: dict[int, int] = {}
    first = [places.setdefault(id(tensor), at) for at, tensor in enumerate(like)]
    repeated = [(at, of) for at, of in enumerate(first) if at != of]
    if not repeated:
        return _alike_by_guards(like)
    once = [at for at, of in enumerate(first) if at == of]
    together = _alike_by_guards([like[at] for at in once])
    apart = _alike_apart(like, first)

    def check(*given: Any) -> bool:
        if len(given) == len(first) and all(given[at] is given[of] for at, of in repeated):
            return together(*[given[at] for at in once])
        return apart(*given)

    return check


def _alike_apart(like: Sequence[Tensor], first: Sequence[int]) -> Alike:
    """As `alike`, for tensors none of which is given twice.

    Args:
        like: Tensors, some of them twice.
        first: First place of each.
    """
    each = []
    with torch.inference_mode(False):
        for at, tensor in enumerate(like):
            if at == first[at]:
                each.append(tensor)
            elif type(tensor) is Tensor and not tensor.is_inference() and tensor.device.type == "cpu":
                each.append(_of_form(tensor))
            else:
                return lambda *given: False
    return _alike_by_guards(each)


def _alike_by_guards(like: Sequence[Tensor]) -> Alike:
    assert TENSOR_GUARDS is not None
    sizes, strides = [list(t.shape) for t in like], [list(t.stride()) for t in like]
    check: Alike = TENSOR_GUARDS(*like, dynamic_dims_sizes=sizes, dynamic_dims_strides=strides).check
    return check


def _of_form(tensor: Tensor) -> Tensor:
    """Tensor with the form of another one."""
    return torch.empty_strided(
        tensor.shape,
        tensor.stride(),
        dtype=tensor.dtype,
        device=tensor.device,
        requires_grad=tensor.requires_grad,
    )


def alike_in_python(like: Sequence[Tensor]) -> Alike:
    """Equivalent of `alike` in plain Python."""
    looks = list(map(_look, like))
    return lambda *given: len(given) == len(looks) and list(map(_look, given)) == looks


def _look(tensor: Any) -> Any:
    if not isinstance(tensor, Tensor):
        return type(tensor)
    kind = type(tensor), tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad
    return *kind, tensor.shape, tensor.stride(), tensor.is_neg(), tensor.is_conj(), tensor.is_inference()
