"""Lowering of views, slices and concatenations of features."""

from collections.abc import Sequence
from math import prod
from typing import Any

from ...errors import Refusal
from ...ir.values import Value
from .operands import Batched, Folded, Lower, Operands, batch_axis


def _view(o: Operands, x: Batched, size: Sequence[int], *_: Any, **__: Any) -> Batched:
    value, axis = x
    size = o.sizes(x, size)
    if axis is None:
        return o.reshape(value, size), None
    before = prod(value.shape[:axis])
    for new, n in enumerate(size):
        if n % o.batch == 0 and prod(size[:new]) == before:
            count = n // o.batch
            kept = () if count == 1 else (count,)
            shape = (*size[:new], *kept, *size[new + 1 :])
            return o.reshape(value, shape), new if count == 1 else Folded(new, count)
    raise Refusal(f"a view that merges the batch with other axes {o.b.where}")


def _permute(o: Operands, x: Batched, dims: Sequence[int]) -> Batched:
    value, axis = x
    rank = len(o.shape(x))
    dims = [d % rank for d in dims]
    if axis is None:
        return o.b("permute", value, order=tuple(dims)), None
    order = tuple(d if d < axis else d - 1 for d in dims if d != axis)
    if isinstance(axis, Folded):
        order = tuple(dims)
    new = batch_axis(dims.index(axis), axis)
    return (value if order == tuple(range(len(order))) else o.b("permute", value, order=order)), new


def _transpose(o: Operands, x: Batched, first: int, second: int) -> Batched:
    dims = list(range(len(o.shape(x))))
    dims[first], dims[second] = dims[second], dims[first]
    return _permute(o, x, dims)


def _t(o: Operands, x: Batched) -> Batched:
    return _permute(o, x, list(range(len(o.shape(x))))[::-1])


def unsqueeze(o: Operands, x: Batched, dim: int) -> Batched:
    """Tensor with an additional axis of size one."""
    value, axis = x
    shape = o.shape(x)
    dim %= len(shape) + 1
    if axis is None:
        return o.reshape(value, (*shape[:dim], 1, *shape[dim:])), None
    new = batch_axis(axis + (dim <= axis), axis)
    at = dim if isinstance(axis, Folded) or dim <= axis else dim - 1
    return o.reshape(value, (*value.shape[:at], 1, *value.shape[at:])), new


def squeeze(o: Operands, x: Batched, dims: int | Sequence[int] | None = None) -> Batched:
    """Tensor without axes of size one."""
    value, axis = x
    shape = o.shape(x)
    wanted = range(len(shape)) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = {d % len(shape) for d in wanted if shape[d] == 1 and d % len(shape) != axis}
    full = shape if axis is None else (*shape[:axis], getattr(axis, "count", 1), *shape[axis + 1 :])
    plain = axis if not isinstance(axis, Folded) else None
    features = tuple(n for i, n in enumerate(full) if i not in gone and i != plain)
    new = None if axis is None else batch_axis(axis - sum(d < axis for d in gone), axis)
    return o.reshape(value, features), new


def _expand(o: Operands, x: Batched, size: Sequence[int], implicit: bool = False) -> Batched:
    value, axis = x
    shape = o.shape(x)
    extra = len(size) - len(shape)
    full = tuple(shape[i - extra] if n == -1 else n for i, n in enumerate(size))
    if axis is None:
        if full[0] != o.batch:
            return o.full(value, full), None
        features = value.shape if extra else value.shape[1:]
        return o.full(o.reshape(value, features), full[1:]), 0
    new = batch_axis(axis + extra, axis)
    kept = (axis.count,) if isinstance(axis, Folded) else ()
    return o.full(value, (*full[:new], *kept, *full[new + 1 :])), new


def _repeat(o: Operands, x: Batched, times: Sequence[int]) -> Batched:
    """Repetition along axes; a tensor without batch may be repeated to one row for each example."""
    extra = len(times) - len(o.shape(x))
    for _ in range(extra):
        x = unsqueeze(o, x, 0)
    if x[1] is None and times[0] == o.batch and o.shape(x)[0] == 1:
        x, times = (o.reshape(x[0], x[0].shape[1:]), 0), (1, *times[1:])
    for dim, count in enumerate(times):
        if count != 1:
            axis = o.feature_axis(x, dim)
            x = (o.b("concat", *[x[0]] * count, axis=axis), x[1])
    return x


def _slice(
    o: Operands, x: Batched, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Batched:
    length = o.shape(x)[dim]
    begin, stop, _ = slice(start, end).indices(length)
    if x[1] is not None and dim % len(o.shape(x)) == x[1] and (begin, stop) == (0, length) and step == 1:
        return x
    axis = o.feature_axis(x, dim)
    if step == 1:
        return o.cut(x[0], axis, begin, max(begin, stop)), x[1]
    return _every(o, x[0], axis, range(begin, max(begin, stop), step)), x[1]


def _every(o: Operands, value: Value, axis: int, indices: range) -> Value:
    """Strided slice of an axis: the first index of each piece of `step` indices."""
    at, step, whole = len(value.shape) + axis, indices.step, len(indices)
    if indices.start + whole * step > value.shape[axis]:  # the last piece is cut short
        whole -= 1
    parts = []
    if whole:
        run = o.cut(value, axis, indices.start, indices.start + whole * step)
        shape = (*value.shape[:at], whole, step, *value.shape[at + 1 :])
        first = o.cut(o.reshape(run, shape), at + 1 - len(shape), 0, 1)
        parts.append(o.reshape(first, (*value.shape[:at], whole, *value.shape[at + 1 :])))
    if whole < len(indices):
        parts.append(o.cut(value, axis, indices[-1], indices[-1] + 1))
    return parts[0] if len(parts) == 1 else o.b("concat", *parts, axis=axis)


def _select(o: Operands, x: Batched, dim: int, index: int) -> Batched:
    value, axis = x
    along = o.feature_axis(x, dim)
    index %= value.shape[along]
    piece = o.cut(value, along, index, index + 1)
    gone = len(value.shape) + along
    new = None if axis is None else batch_axis(axis - (dim % len(o.shape(x)) < axis), axis)
    return o.reshape(piece, value.shape[:gone] + value.shape[gone + 1 :]), new


def _split_with_sizes(o: Operands, x: Batched, lengths: Sequence[int], dim: int = 0) -> list[Batched]:
    axis, start, pieces = o.feature_axis(x, dim), 0, []
    for length in lengths:
        pieces.append((o.cut(x[0], axis, start, start + length), x[1]))
        start += length
    return pieces


def _split(o: Operands, x: Batched, length: int, dim: int = 0) -> list[Batched]:
    total = o.shape(x)[dim]
    lengths = [min(length, total - start) for start in range(0, total, length)]
    return _split_with_sizes(o, x, lengths, dim)


def _unbind(o: Operands, x: Batched, dim: int = 0) -> list[Batched]:
    return [_select(o, x, dim, index) for index in range(o.shape(x)[dim])]


def _cat(o: Operands, tensors: Sequence[Batched], dim: int = 0) -> Batched:
    axes = {axis for _, axis in tensors if axis is not None}
    if len(axes) != 1:
        raise Refusal(f"a concatenation across the batch {o.b.where}")
    if any(axis is None for _, axis in tensors):
        raise Refusal(f"a concatenation of a batch with what has no batch {o.b.where}")
    return o.b("concat", *(value for value, _ in tensors), axis=o.feature_axis(tensors[0], dim)), axes.pop()


def _stack(o: Operands, tensors: Sequence[Batched], dim: int = 0) -> Batched:
    return _cat(o, [unsqueeze(o, t, dim) for t in tensors], dim)


def _roll(o: Operands, x: Batched, shifts: Any, dims: Any = ()) -> Batched:
    shifts, dims = ([n] if isinstance(n, int) else list(n) for n in (shifts, dims))
    if not dims:
        raise Refusal(f"a roll over all axes at once, the batch among them {o.b.where}")
    value = x[0]
    for shift, dim in zip(shifts, dims, strict=True):
        axis = o.feature_axis(x, dim)
        size = value.shape[axis]
        at = -shift % size
        if at:
            value = o.b("concat", o.cut(value, axis, at, size), o.cut(value, axis, 0, at), axis=axis)
    return value, x[1]


VIEWS: dict[str, Lower] = {
    "view": _view, "_unsafe_view": _view, "reshape": _view, "permute": _permute, "transpose": _transpose, "t": _t,
    "unsqueeze": unsqueeze, "squeeze": squeeze, "expand": _expand, "repeat": _repeat, "slice": _slice,
    "select": _select, "split": _split, "unsafe_split": _split, "split_with_sizes": _split_with_sizes,
    "unsafe_split_with_sizes": _split_with_sizes, "unbind": _unbind, "cat": _cat, "stack": _stack, "roll": _roll,
}  # fmt: skip
