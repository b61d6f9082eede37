"""Views of buffers, which have one row for each example."""

from dataclasses import dataclass, replace
from math import prod

from ..ir.values import Value


@dataclass(frozen=True)
class BufferView:
    """View of one row of a buffer.

    Attributes:
        buffer: Name of the buffer.
        shift: Step relative to the current one; 1 is the state after it.
        offset: Offset of the first element.
        shape: Shape of the view.
        strides: Stride of every axis in elements; 0 along axes of size one.
    """

    buffer: str
    shift: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def contiguous(self) -> bool:
        """Whether the view is contiguous in row-major order."""
        return all(
            s == c for n, s, c in zip(self.shape, self.strides, row_major(self.shape), strict=True) if n != 1
        )

    def viewed(self, value: Value) -> "BufferView | None":
        """View of a view operation applied to this view; None where that needs a copy."""
        rank, strides = len(self.shape), self.strides
        match value.op:
            case "slice":
                axis, start = rank + int(str(value.attributes["axis"])), int(str(value.attributes["start"]))
                return replace(self, offset=self.offset + start * strides[axis], shape=value.shape)
            case "permute":
                order: tuple[int, ...] = tuple(value.attributes["order"])
                return replace(self, shape=value.shape, strides=tuple(strides[axis] for axis in order))
            case "expand":
                padded = (0,) * (len(value.shape) - rank) + tuple(
                    0 if n == 1 else s for n, s in zip(self.shape, strides, strict=True)
                )
                return replace(self, shape=value.shape, strides=padded)
        if self.contiguous:
            return replace(self, shape=value.shape, strides=row_major(value.shape))
        return self._only_ones(value.shape)

    def _only_ones(self, shape: tuple[int, ...]) -> "BufferView | None":
        """Reshape that adds or removes axes of size one only."""
        if [n for n in shape if n != 1] != [n for n in self.shape if n != 1]:
            return None
        left = [s for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        return replace(self, shape=shape, strides=tuple(0 if n == 1 else left.pop(0) for n in shape))

    def part(self, axis: int, start: int, length: int) -> "BufferView":
        """Slice along an axis counted from the end."""
        position = len(self.shape) + axis
        shape = (*self.shape[:position], length, *self.shape[position + 1 :])
        return replace(self, offset=self.offset + start * self.strides[position], shape=shape)

    def within(self, other: "BufferView") -> slice | None:
        """Range of this view within another view of the same row, where both are contiguous vectors."""
        start, length = self.offset - other.offset, prod(self.shape)
        same = (self.buffer, self.shift) == (other.buffer, other.shift) and len(self.shape) == 1
        inside = same and self.contiguous and other.contiguous and 0 <= start <= prod(other.shape) - length
        return slice(start, start + length) if inside else None

    def over(self, domain: tuple[int, ...]) -> tuple[int, ...]:
        """Strides of this view broadcast to a larger shape."""
        missing = len(domain) - len(self.shape)
        return (0,) * missing + tuple(
            0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)
        )


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of a contiguous row-major shape.

    >>> row_major((2, 3))
    (3, 1)
    """
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def whole(buffer: str, shape: tuple[int, ...], shift: int = 0) -> BufferView:
    """View of a whole row of a buffer."""
    return BufferView(buffer, shift, 0, shape, row_major(shape))
