"""Tensors saved for a backward pass: whether hooks on saved tensors returned what was saved."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from .batched import PLAIN, without_memory
from .tensor_forms import TENSOR_GUARDS, Alike, alike

Form = tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]
"""Sizes, strides, number format and device of a tensor."""

_is_nested = Tensor.is_nested.__get__  # type: ignore[attr-defined]


class Saved(NamedTuple):
    """Forms of saved tensors, and the addresses of their memory.

    `addresses` is None where a tensor is no plain one. `alike`, where it is known, compares the forms in C.
    """

    forms: list[Form | None]
    addresses: list[int] | None
    alike: Alike | None = None


class SavedForms:
    """Forms of the tensors that one autograd function saves, compared in C from the second call of the same forms on.

    Examples:
        >>> saved, tensors = SavedForms(), [torch.zeros(2), torch.zeros(3)]
        >>> saved.of(tensors).alike is None, saved.of(tensors).alike is None, saved.of(tensors).alike is None
        (True, False, False)
    """

    def __init__(self) -> None:
        self._last: tuple[list[Form | None], Alike | None] = ([], None)

    def of(self, tensors: Sequence[Tensor]) -> Saved:
        """Forms and addresses of tensors that are now saved."""
        were, same = self._last
        if same is not None and len(were) == len(tensors) and same(*tensors):
            return Saved(were, list(map(Tensor.data_ptr, tensors)), same)
        found = saved_forms(tensors)
        known = found.addresses is not None and found.forms == were and TENSOR_GUARDS is not None
        if known and len(set(map(id, tensors))) == len(
            tensors
        ):  # the guards refuse a tensor that is given twice
            found = found._replace(alike=alike(tensors))
        self._last = found.forms, found.alike
        return found


def saved_forms(tensors: Sequence[Tensor | None]) -> Saved:
    """Forms and addresses of tensors that are saved for a backward pass."""
    looks = [None if t is None else (t.shape, t.stride(), t.dtype, t.device) for t in tensors]
    return Saved(looks, _addresses(tensors))


def _addresses(tensors: Sequence[Tensor | None]) -> list[int] | None:
    given = [t for t in tensors if t is not None]
    if not PLAIN.issuperset(map(type, given)) or any(map(Tensor.is_neg, given)):
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
    if _unchanged(tensors, were):
        return list(tensors), True
    found: list[Tensor | None] = []
    for tensor, form in zip(tensors, were.forms, strict=True):
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


def _unchanged(tensors: Sequence[Tensor | None], were: Saved) -> bool:
    """Whether tensors are plain ones that lie where the saved ones lay, in the same form."""
    if were.addresses is None:
        return False
    if were.alike is None:
        now = saved_forms(tensors)
        return now.addresses == were.addresses and now.forms == were.forms
    try:
        if list(map(Tensor.data_ptr, tensors)) != were.addresses:  # type: ignore[arg-type]
            return False
    except (RuntimeError, TypeError):  # of a tensor that stands for others, or of none
        return False
    # PyTorch's guards end the process at a nested tensor
    return not any(map(_is_nested, tensors)) and were.alike(*tensors)
