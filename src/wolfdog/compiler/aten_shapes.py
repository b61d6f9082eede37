"""ATen's views, reductions and matrix products in our operations; see aten.py."""

from collections.abc import Sequence
from math import prod
from typing import Any

from .aten import IN_PLACE as IN_PLACE
from .aten import LOWER as LOWER
from .aten import MAKES as MAKES
from .aten import Batched, sizes
from .aten import Operands as Operands
from .errors import Refusal
from .ir.values import Value


def _view(o: Operands, x: Batched, size: Sequence[int], *_: Any, **__: Any) -> Batched:
    value, axis = x
    size = sizes(o, x, size)
    if axis is None:
        return o.reshape(value, size), None
    before = prod(o.shape(x)[:axis])
    for new, n in enumerate(size):
        if n == o.batch and prod(size[:new]) == before:
            return o.reshape(value, tuple(size[:new]) + tuple(size[new + 1 :])), new
    raise Refusal(f"a view that merges the batch with other axes {o.b.where}")


def _permute(o: Operands, x: Batched, dims: Sequence[int]) -> Batched:
    value, axis = x
    rank = len(o.shape(x))
    dims = [d % rank for d in dims]
    if axis is None:
        return o.b("permute", value, order=tuple(dims)), None
    order = tuple(d if d < axis else d - 1 for d in dims if d != axis)
    new = dims.index(axis)
    return (value if order == tuple(range(len(order))) else o.b("permute", value, order=order)), new


def _transpose(o: Operands, x: Batched, first: int, second: int) -> Batched:
    dims = list(range(len(o.shape(x))))
    dims[first], dims[second] = dims[second], dims[first]
    return _permute(o, x, dims)


def _t(o: Operands, x: Batched) -> Batched:
    return _permute(o, x, list(range(len(o.shape(x))))[::-1])


def _unsqueeze(o: Operands, x: Batched, dim: int) -> Batched:
    value, axis = x
    shape = o.shape(x)
    dim %= len(shape) + 1
    full = (*shape[:dim], 1, *shape[dim:])
    new = None if axis is None else axis + (dim <= axis)
    return o.reshape(value, tuple(n for i, n in enumerate(full) if i != new)), new


def _squeeze(o: Operands, x: Batched, dims: int | Sequence[int] | None = None) -> Batched:
    value, axis = x
    shape = o.shape(x)
    wanted = range(len(shape)) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = {d % len(shape) for d in wanted if shape[d] == 1 and d % len(shape) != axis}
    features = tuple(n for i, n in enumerate(shape) if i not in gone and i != axis)
    new = None if axis is None else axis - sum(d < axis for d in gone)
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
    new = axis + extra
    features = tuple(n for i, n in enumerate(full) if i != new)
    return o.full(value, features), new


def _slice(
    o: Operands, x: Batched, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Batched:
    length = o.shape(x)[dim]
    begin, stop, _ = slice(start, end).indices(length)
    if x[1] is not None and dim % len(o.shape(x)) == x[1] and (begin, stop) == (0, length) and step == 1:
        return x
    axis = o.feature_axis(x, dim)
    if step != 1:
        raise Refusal(f"a slice with a step {o.b.where}")
    return cut(o, x[0], axis, begin, max(begin, stop)), x[1]


def cut(o: Operands, value: Value, axis: int, start: int, stop: int) -> Value:
    """A run of indices along a feature axis counted from the end."""
    whole = (start, stop) == (0, value.shape[axis])
    return value if whole else o.b("slice", value, axis=axis, start=start, stop=stop)


def _select(o: Operands, x: Batched, dim: int, index: int) -> Batched:
    value, axis = x
    along = o.feature_axis(x, dim)
    index %= value.shape[along]
    piece = cut(o, value, along, index, index + 1)
    gone = len(value.shape) + along
    new = axis if axis is None else axis - (dim % len(o.shape(x)) < axis)
    return o.reshape(piece, value.shape[:gone] + value.shape[gone + 1 :]), new


def _split_with_sizes(o: Operands, x: Batched, lengths: Sequence[int], dim: int = 0) -> list[Batched]:
    axis, start, pieces = o.feature_axis(x, dim), 0, []
    for length in lengths:
        pieces.append((cut(o, x[0], axis, start, start + length), x[1]))
        start += length
    return pieces


def _split(o: Operands, x: Batched, length: int, dim: int = 0) -> list[Batched]:
    total = o.shape(x)[dim]
    lengths = [min(length, total - start) for start in range(0, total, length)]
    return _split_with_sizes(o, x, lengths, dim)


def _unbind(o: Operands, x: Batched, dim: int = 0) -> list[Batched]:
    return [_select(o, x, dim, index) for index in range(o.shape(x)[dim])]


def _cat(o: Operands, tensors: Sequence[Batched], dim: int = 0) -> Batched:
    kept = [t for t in tensors if o.shape(t) != (0,)]
    axes = {axis for _, axis in kept if axis is not None}
    if len(axes) != 1:
        raise Refusal(f"a concatenation across the batch {o.b.where}")
    axis = axes.pop()
    values = []
    for value, own in kept:
        if own is None:
            raise Refusal(f"a concatenation of a batch with what has no batch {o.b.where}")
        values.append(value)
    return o.b("concat", *values, axis=o.feature_axis(kept[0], dim)), axis


def _stack(o: Operands, tensors: Sequence[Batched], dim: int = 0) -> Batched:
    return _cat(o, [_unsqueeze(o, t, dim) for t in tensors], dim)


def _keep(o: Operands, x: Batched, value: Value, dims: Sequence[int], keepdim: bool) -> Batched:
    """A reduction's result, whose axes are still there with size one, without them where that is wanted."""
    return (value, x[1]) if keepdim else _squeeze(o, (value, x[1]), list(dims))


def _dims(o: Operands, x: Batched, dims: int | Sequence[int] | None) -> list[int]:
    rank = len(o.shape(x))
    given = (
        list(range(rank)) if dims is None or dims == [] else [dims] if isinstance(dims, int) else list(dims)
    )
    return [d % rank for d in given]


def _reduce(op: str) -> Any:
    def lower(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False, **_: Any) -> Batched:
        dims = _dims(o, x, dims)
        return _keep(o, x, o.b(op, x[0], axes=tuple(o.feature_axis(x, d) for d in dims)), dims, keepdim)

    return lower


def _amin(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False) -> Batched:
    value, axis = _reduce("amax")(o, (o.b("neg", x[0]), x[1]), dims, keepdim)
    return o.b("neg", value), axis


def mean(o: Operands, value: Value, axes: tuple[int, ...]) -> Value:
    """The mean over feature axes."""
    count = prod(value.shape[axis] for axis in axes)
    return o.b("mul", o.b("sum", value, axes=axes), o.number(1 / count))


def _mean(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False, **_: Any) -> Batched:
    dims = _dims(o, x, dims)
    return _keep(o, x, mean(o, x[0], tuple(o.feature_axis(x, d) for d in dims)), dims, keepdim)


def _var(o: Operands, x: Batched, dims: Any = None, correction: float = 1, keepdim: bool = False) -> Batched:
    dims = _dims(o, x, dims)
    axes = tuple(o.feature_axis(x, d) for d in dims)
    centred = o.b("sub", x[0], mean(o, x[0], axes))
    squares = o.b("sum", o.b("mul", centred, centred), axes=axes)
    count = prod(x[0].shape[axis] for axis in axes)
    return _keep(o, x, o.b("mul", squares, o.number(1 / (count - correction))), dims, keepdim)


def _logsumexp(o: Operands, x: Batched, dims: Any, keepdim: bool = False) -> Batched:
    dims = _dims(o, x, dims)
    axes = tuple(o.feature_axis(x, d) for d in dims)
    largest = o.b("amax", x[0], axes=axes)
    total = o.b("sum", o.b("exp", o.b("sub", x[0], largest)), axes=axes)
    return _keep(o, x, o.b("add", o.b("log", total), largest), dims, keepdim)


def _softmax(o: Operands, x: Batched, dim: int, *_: Any) -> Batched:
    axes = (o.feature_axis(x, dim),)
    powers = o.b("exp", o.b("sub", x[0], o.b("amax", x[0], axes=axes)))
    return o.b("div", powers, o.b("sum", powers, axes=axes)), x[1]


def _log_softmax(o: Operands, x: Batched, dim: int, *_: Any) -> Batched:
    axes = (o.feature_axis(x, dim),)
    shifted = o.b("sub", x[0], o.b("amax", x[0], axes=axes))
    return o.b("sub", shifted, o.b("log", o.b("sum", o.b("exp", shifted), axes=axes))), x[1]


def _normalised(o: Operands, value: Value, axes: tuple[int, ...], eps: float) -> tuple[Value, Value, Value]:
    average = mean(o, value, axes)
    centred = o.b("sub", value, average)
    spread = mean(o, o.b("mul", centred, centred), axes)
    scale = o.b("rsqrt", o.b("add", spread, o.number(eps)))
    return o.b("mul", centred, scale), average, scale


def _layer_norm(
    o: Operands, x: Batched, shape: Sequence[int], weight: Any, bias: Any, eps: float
) -> list[Batched]:
    result, average, scale = _normalised(o, x[0], tuple(range(-len(shape), 0)), eps)
    normed: Batched = (result, x[1])
    normed = normed if weight is None else LOWER["mul"](o, normed, weight)
    return [normed if bias is None else LOWER["add"](o, normed, bias), (average, x[1]), (scale, x[1])]


def _group_norm(
    o: Operands,
    x: Batched,
    weight: Any,
    bias: Any,
    n: int,
    channels: int,
    spatial: int,
    groups: int,
    eps: float,
) -> list[Batched]:
    value, axis = x
    if axis != 0:
        raise Refusal(f"a group norm whose batch is not its first axis {o.b.where}")
    grouped = o.reshape(value, (groups, prod(value.shape) // groups))
    result, _, _ = _normalised(o, grouped, (-1,), eps)
    normed: Batched = (o.reshape(result, value.shape), axis)
    for op, parameter in (("mul", weight), ("add", bias)):
        if parameter is not None:
            spread = o.reshape(parameter[0], (channels,) + (1,) * (len(value.shape) - 1))
            normed = (o.b(op, normed[0], spread), axis)
    return [normed]


def _rms(o: Operands, x: Batched, shape: Sequence[int], weight: Any, eps: float | None) -> list[Batched]:
    spread = mean(o, o.b("mul", x[0], x[0]), tuple(range(-len(shape), 0)))
    scale = o.b("rsqrt", o.b("add", spread, o.number(eps if eps is not None else 1.1920928955078125e-07)))
    normed: Batched = (o.b("mul", x[0], scale), x[1])
    return [normed if weight is None else LOWER["mul"](o, normed, weight), (scale, x[1])]


def _vector_norm(
    o: Operands, x: Batched, order: float = 2, dims: Any = None, keepdim: bool = False
) -> Batched:
    if order != 2:
        raise Refusal(f"a norm of order {order} {o.b.where}")
    squared, axis = _reduce("sum")(o, (o.b("mul", x[0], x[0]), x[1]), dims, keepdim)
    return o.b("sqrt", squared), axis


def _mm(o: Operands, a: Batched, b: Batched) -> Batched:
    if a[1] == 0 and b[1] is None:
        return o.b("linear", a[0], b[0]), 0
    if a[1] is None and b[1] == 1:  # (W x^T), as x W^T transposed
        return o.b("linear", b[0], o.b("permute", a[0], order=(1, 0))), 1
    raise Refusal(f"a matrix product across the batch {o.b.where}")


def _addmm(o: Operands, bias: Batched, a: Batched, b: Batched, beta: float = 1, alpha: float = 1) -> Batched:
    product = _mm(o, a, b)
    if alpha != 1:
        product = LOWER["mul"](o, product, alpha)
    scaled = bias if beta == 1 else LOWER["mul"](o, bias, beta)
    result: Batched = LOWER["add"](o, product, scaled)
    return result


def _bmm(o: Operands, a: Batched, b: Batched) -> Batched:
    if a[1] == 1 and b[1] is None:
        return o.b("heads", a[0], b[0]), 1
    if a[1] is None and b[1] == 2:
        return o.b("heads", b[0], o.b("permute", a[0], order=(0, 2, 1))), 2
    if a[1] == 0 and b[1] == 0:
        if not b[0].type.batched:  # one matrix, which was expanded to the batch
            return o.b("linear", a[0], b[0]), 0
        (m, k), n = a[0].shape, b[0].shape[1]
        left = o.reshape(a[0], (m, 1, k))
        right = o.reshape(o.b("permute", b[0], order=(1, 0)), (1, n, k))
        total = o.b("sum", o.b("mul", left, right), axes=(-1,))
        return o.reshape(total, (m, n)), 0
    raise Refusal(f"a product of matrices across the batch {o.b.where}")


def _baddbmm(
    o: Operands, bias: Batched, a: Batched, b: Batched, beta: float = 1, alpha: float = 1
) -> Batched:
    product = LOWER["mul"](o, _bmm(o, a, b), alpha)
    result: Batched = LOWER["add"](o, product, LOWER["mul"](o, bias, beta))
    return result


LOWER.update(
    {
        "view": _view, "_unsafe_view": _view, "reshape": _view, "permute": _permute, "transpose": _transpose, "t": _t,
        "unsqueeze": _unsqueeze, "squeeze": _squeeze, "expand": _expand, "slice": _slice, "select": _select,
        "split": _split, "unsafe_split": _split, "split_with_sizes": _split_with_sizes, "unbind": _unbind,
        "unsafe_split_with_sizes": _split_with_sizes, "cat": _cat, "stack": _stack, "sum": _reduce("sum"),
        "amax": _reduce("amax"), "amin": _amin, "mean": _mean, "var": _var, "logsumexp": _logsumexp,
        "_softmax": _softmax, "_log_softmax": _log_softmax, "native_layer_norm": _layer_norm,
        "native_group_norm": _group_norm, "_fused_rms_norm": _rms, "linalg_vector_norm": _vector_norm,
        "mm": _mm, "addmm": _addmm, "bmm": _bmm, "baddbmm": _baddbmm,
    }
)  # fmt: skip
