"""Alias table of a trace: the values of tensors, and the tensors that share memory.

An in-place operation gives a new value to the tensor that it writes and to every other view of the same memory. Where
one is a slice of the other, the new value is a slice or a concatenation. Otherwise the view is marked as stale, and a
cell that reads it is refused.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..ir.values import Value
from .aten.operands import Folded, Operands


@dataclass
class Entry:
    """Value and batch axis of a tensor; both None where it depends on parameters alone."""

    tensor: Tensor  # kept alive, so that its id stays its own
    value: Value | None
    axis: int | None
    stale: bool = False
    source: int = -1  # its number in the parameter code


class AliasTable:
    """Entries of all tensors, by tensor and by storage."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._storages: dict[int, list[Entry]] = {}
        self._given: set[int] = set()

    def remember(self, tensor: Tensor, value: Value | None, axis: int | None, given: bool = False) -> Entry:
        """New entry of a tensor; a `given` tensor belongs to the cell or its caller and may not be written."""
        entry = Entry(tensor, value, axis)
        self._entries[id(tensor)] = entry
        self._storages.setdefault(_storage(tensor), []).append(entry)
        if given:
            self._given.add(_storage(tensor))
        return entry

    def entry(self, tensor: Tensor) -> Entry:
        """Entry of a tensor; an unknown tensor gets one without batch and source."""
        known = self._entries.get(id(tensor))
        return known if known is not None else self.remember(tensor, None, None)

    def clear(self) -> None:
        """Forget all tensors, which would otherwise live until Python collects cycles."""
        self._entries.clear()
        self._storages.clear()

    def is_given(self, tensor: Tensor) -> bool:
        """Whether a tensor shares memory with an event, a state or a tensor of the cell."""
        return _storage(tensor) in self._given

    def sharing(self, tensor: Tensor) -> list[Entry]:
        """Entries that share memory with a tensor, its own among them."""
        return self._storages[_storage(tensor)]

    def written(self, o: Operands, target: Tensor, value: Value, axis: int | None) -> None:
        """Update a batched tensor that was written in place, and every view of it."""
        for other in self.sharing(target):
            if other.tensor is target or _same_elements(other.tensor, target):
                other.value, other.axis, other.source, other.stale = value, axis, -1, False
            elif _overlap(other.tensor, target):
                made = _around(o, other, target, value, axis) or _inside(o, other, target, value, axis)
                other.stale = made is None
                other.value, other.source = (other.value if made is None else made), -1


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _around(o: Operands, other: Entry, target: Tensor, value: Value, axis: int | None) -> Value | None:
    """New value of a tensor of which a slice was written."""
    found = _slice_of(other.tensor, target)
    if other.value is None or other.stale or found is None or isinstance(other.axis, Folded):
        return None
    dim, start, length = found
    if axis is None or dim == other.axis or axis + _selected(other.tensor, target, dim, axis) != other.axis:
        return None
    along = o.feature_axis((other.value, other.axis), dim)
    shape = list(other.value.shape)
    shape[along] = length
    piece = o.reshape(value, tuple(shape))
    before = [o.cut(other.value, along, 0, start)] if start else []
    end = start + length
    after = (
        [o.cut(other.value, along, end, other.value.shape[along])] if end < other.value.shape[along] else []
    )
    return o.b("concat", *before, piece, *after, axis=along)


def _inside(o: Operands, other: Entry, target: Tensor, value: Value, axis: int | None) -> Value | None:
    """New value of a slice of the tensor that was written."""
    found = _slice_of(target, other.tensor)
    if found is None or axis is None or other.axis is None or isinstance(axis, Folded):
        return None
    dim, start, length = found
    if dim == axis or other.axis + _selected(target, other.tensor, dim, other.axis) != axis:
        return None
    piece = o.cut(value, o.feature_axis((value, axis), dim), start, start + length)
    shape = tuple(n for i, n in enumerate(other.tensor.shape) if i != other.axis)
    return o.reshape(piece, shape)


def _selected(whole: Tensor, part: Tensor, dim: int, axis: int) -> int:
    """Shift of the batch axis of a part, for an axis that a select removed."""
    return int(part.dim() < whole.dim() and dim <= axis)


def _slice_of(whole: Tensor, part: Tensor) -> tuple[int, int, int] | None:
    """Dimension, start and length, where `part` is a run of indices (or one index) along one dimension of `whole`."""
    offset = part.storage_offset() - whole.storage_offset()
    for dim, stride in enumerate(whole.stride()):
        if part.dim() == whole.dim():
            length = part.shape[dim]
        elif part.dim() == whole.dim() - 1:
            length = 1
        else:
            return None
        start = offset // stride if stride else 0
        if offset < 0 or start + length > whole.shape[dim]:
            continue
        view = whole.narrow(dim, start, length)
        view = view if part.dim() == whole.dim() else view.select(dim, 0)
        if _same_elements(view, part):
            return dim, start, length
    return None


def _same_elements(a: Tensor, b: Tensor) -> bool:
    strides = [(s, t) for n, s, t in zip(a.shape, a.stride(), b.stride(), strict=False) if n != 1]
    return a.shape == b.shape and all(s == t for s, t in strides) and a.storage_offset() == b.storage_offset()


def _overlap(a: Tensor, b: Tensor) -> bool:
    return bool(np.intersect1d(_elements(a), _elements(b)).size)


def _elements(tensor: Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    numbers = torch.arange(tensor.untyped_storage().nbytes() // tensor.element_size(), device="cpu")
    elements: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = numbers.as_strided(
        tensor.size(), tensor.stride(), tensor.storage_offset()
    ).numpy()
    return elements
