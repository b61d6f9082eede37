"""Values computed from tensors that are not meant to change, kept for as long as PyTorch counts no change of them."""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from torch import Tensor

Value = TypeVar("Value")

KEPT = 64
"""Values that are kept; that used longest ago goes first."""


class Versions:
    """Tensors as they are now: which ones, and the number of changes that PyTorch has counted for each.

    Args:
        tensors: The tensors, which are referenced weakly.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = [weakref.ref(tensor) for tensor in tensors]
        self._versions = _versions(tensors)

    def unchanged(self) -> bool:
        """Whether all tensors are there still, and unchanged."""
        tensors = [tensor for ref in self._tensors if (tensor := ref()) is not None]
        return len(tensors) == len(self._tensors) and _versions(tensors) == self._versions

    def alive(self) -> bool:
        """Whether all tensors are there still."""
        return all(ref() is not None for ref in self._tensors)

    def of(self, tensors: Sequence[Tensor]) -> bool:
        """Whether these are the tensors."""
        return len(tensors) == len(self._tensors) and all(
            ref() is tensor for ref, tensor in zip(self._tensors, tensors, strict=True)
        )


class Frozen(Generic[Value]):
    """Values by the tensors that they were computed from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, ...], tuple[Versions, Value]] = OrderedDict()

    def get(self, tensors: Sequence[Tensor], make: Callable[[], Value]) -> Value:
        """Value for tensors, made where there is none yet or a tensor has changed.

        Args:
            tensors: The tensors.
            make: Function that computes the value.
        """
        key = tuple(map(id, tensors))
        known = self._kept.get(key)
        if known is not None and known[0].of(tensors) and known[0].unchanged():
            return known[1]
        versions = Versions(tensors)
        value = make()
        for old in [old for old, (held, _) in self._kept.items() if not held.alive()]:
            del self._kept[old]
        self._kept[key] = versions, value
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return value


def _versions(tensors: Sequence[Tensor]) -> list[int]:
    return [0 if tensor.is_inference() else tensor._version for tensor in tensors]
