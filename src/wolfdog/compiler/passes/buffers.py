"""Where values lie in memory: views of buffers, one row of a buffer for each example."""

from dataclasses import dataclass, replace
from math import prod

from ..ir.values import Value


@dataclass(frozen=True)
class BufferView:
    """A view of one row of a buffer.

    buffer   its name
    shift    the step it is of, counted from the step that runs: 1 is the state after it
    offset   of the first number, in elements
    strides  of every axis, in elements; 0 along axes of size one
    """

    buffer: str
    shift: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def contiguous(self) -> bool:
        """Whether the numbers lie one after another in row-major order."""
        return all(
            s == c for n, s, c in zip(self.shape, self.strides, row_major(self.shape), strict=True) if n != 1
        )

    def viewed(self, value: Value) -> "BufferView | None":
        """The place of a view of what lies here; None where only a copy can be viewed so."""
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
        """A reshape that adds or removes axes of size one alone."""
        if [n for n in shape if n != 1] != [n for n in self.shape if n != 1]:
            return None
        left = [s for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        return replace(self, shape=shape, strides=tuple(0 if n == 1 else left.pop(0) for n in shape))

    def part(self, axis: int, start: int, length: int) -> "BufferView":
        """A run of indices along an axis counted from the end."""
        position = len(self.shape) + axis
        shape = (*self.shape[:position], length, *self.shape[position + 1 :])
        return replace(self, offset=self.offset + start * self.strides[position], shape=shape)

    def within(self, other: "BufferView") -> slice | None:
        """Which of the numbers of another row in the same buffer these are, where both are one run of numbers."""
        start, length = self.offset - other.offset, prod(self.shape)
        same = (self.buffer, self.shift) == (other.buffer, other.shift) and len(self.shape) == 1
        inside = same and self.contiguous and other.contiguous and 0 <= start <= prod(other.shape) - length
        return slice(start, start + length) if inside else None

    def over(self, domain: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of what lies here along the axes of a larger shape that it is broadcast to."""
        missing = len(domain) - len(self.shape)
        return (0,) * missing + tuple(
            0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)
        )


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a shape whose numbers lie one after another.

    >>> row_major((2, 3))
    (3, 1)
    """
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def whole(buffer: str, shape: tuple[int, ...], shift: int = 0) -> BufferView:
    """The place of a value that fills a buffer's row."""
    return BufferView(buffer, shift, 0, shape, row_major(shape))
