"""Lowering of reductions over features: sums, means, maxima, softmax and norms."""

from collections.abc import Sequence
from math import prod
from typing import Any

from ...errors import Refusal
from ...ir.values import Value
from .operands import Batched, Lower, Operands, pointwise
from .views import squeeze

_times, _plus = pointwise("mul"), pointwise("add")


def _keep(o: Operands, x: Batched, value: Value, dims: Sequence[int], keepdim: bool) -> Batched:
    """Result of a reduction, whose axes have size one; without these axes unless `keepdim`."""
    return (value, x[1]) if keepdim else squeeze(o, (value, x[1]), list(dims))


def _dims(o: Operands, x: Batched, dims: int | Sequence[int] | None) -> list[int]:
    rank = len(o.shape(x))
    given = (
        list(range(rank)) if dims is None or dims == [] else [dims] if isinstance(dims, int) else list(dims)
    )
    return [d % rank for d in given]


def _reduce(op: str) -> Lower:
    def lower(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False, **_: Any) -> Batched:
        dims = _dims(o, x, dims)
        return _keep(o, x, o.b(op, x[0], axes=tuple(o.feature_axis(x, d) for d in dims)), dims, keepdim)

    return lower


_amax = _reduce("amax")


def _amin(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False) -> Batched:
    value, axis = _amax(o, (o.b("neg", x[0]), x[1]), dims, keepdim)
    return o.b("neg", value), axis


def _any(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False) -> Batched:
    truth = x[0] if x[0].type.boolean else o.b("ne", x[0], o.number(0))
    result: Batched = _amax(o, (o.numbers(truth), x[1]), dims, keepdim)
    return result


def _all(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False) -> Batched:
    truth = x[0] if x[0].type.boolean else o.b("ne", x[0], o.number(0))
    return _amin(o, (o.numbers(truth), x[1]), dims, keepdim)


def _mean_of(o: Operands, value: Value, axes: tuple[int, ...]) -> Value:
    count = prod(value.shape[axis] for axis in axes)
    return o.b("mul", o.b("sum", value, axes=axes), o.number(1 / count))


def _mean(o: Operands, x: Batched, dims: Any = None, keepdim: bool = False, **_: Any) -> Batched:
    dims = _dims(o, x, dims)
    return _keep(o, x, _mean_of(o, x[0], tuple(o.feature_axis(x, d) for d in dims)), dims, keepdim)


def _var(o: Operands, x: Batched, dims: Any = None, correction: float = 1, keepdim: bool = False) -> Batched:
    dims = _dims(o, x, dims)
    axes = tuple(o.feature_axis(x, d) for d in dims)
    centred = o.b("sub", x[0], _mean_of(o, x[0], axes))
    squares = o.b("sum", o.b("mul", centred, centred), axes=axes)
    count = prod(x[0].shape[axis] for axis in axes) - (1 if correction is None else correction)
    if count <= 0:
        raise Refusal(f"a variance of as many numbers as it makes up for {o.b.where}")
    return _keep(o, x, o.b("mul", squares, o.number(1 / count)), dims, keepdim)


def _std(o: Operands, x: Batched, dims: Any = None, correction: float = 1, keepdim: bool = False) -> Batched:
    value, axis = _var(o, x, dims, correction, keepdim)
    return _root(o, value), axis


def _root(o: Operands, value: Value) -> Value:
    """Square root whose derivative at zero is zero, as that of PyTorch's norms and deviations."""
    zero = o.b("eq", value, o.number(0))
    root = o.b("sqrt", o.b("where", zero, o.number(1), value))
    return o.b("where", zero, o.number(0), root)


def _largest(o: Operands, value: Value, axes: tuple[int, ...]) -> Value:
    """Maximum that is subtracted before an exponential; it cancels, and so do its gradients."""
    return o.b("detach", o.b("amax", value, axes=axes))


def _logsumexp(o: Operands, x: Batched, dims: Any, keepdim: bool = False) -> Batched:
    dims = _dims(o, x, dims)
    axes = tuple(o.feature_axis(x, d) for d in dims)
    largest = _largest(o, x[0], axes)
    finite = o.b("lt", o.b("abs", largest), o.number(float("inf")))
    largest = o.b("where", finite, largest, o.number(0))  # infinity less infinity is no number
    total = o.b("sum", o.b("exp", o.b("sub", x[0], largest)), axes=axes)
    return _keep(o, x, o.b("add", o.b("log", total), largest), dims, keepdim)


def _softmax(o: Operands, x: Batched, dim: int, *_: Any) -> Batched:
    axes = (o.feature_axis(x, dim),)
    powers = o.b("exp", o.b("sub", x[0], _largest(o, x[0], axes)))
    return o.b("div", powers, o.b("sum", powers, axes=axes)), x[1]


def safe_softmax(o: Operands, x: Batched, dim: int, *_: Any) -> Batched:
    """Softmax that is zero, rather than NaN, where everything along the axis is minus infinity."""
    axes = (o.feature_axis(x, dim),)
    largest = _largest(o, x[0], axes)
    nothing = o.b("eq", largest, o.number(float("-inf")))
    powers = o.b("exp", o.b("sub", x[0], o.b("where", nothing, o.number(0), largest)))
    total = o.b("sum", powers, axes=axes)
    return o.b("div", powers, o.b("where", nothing, o.number(1), total)), x[1]


def _log_softmax(o: Operands, x: Batched, dim: int, *_: Any) -> Batched:
    axes = (o.feature_axis(x, dim),)
    shifted = o.b("sub", x[0], _largest(o, x[0], axes))
    return o.b("sub", shifted, o.b("log", o.b("sum", o.b("exp", shifted), axes=axes))), x[1]


def _normalised(o: Operands, value: Value, axes: tuple[int, ...], eps: float) -> tuple[Value, Value, Value]:
    average = _mean_of(o, value, axes)
    centred = o.b("sub", value, average)
    spread = _mean_of(o, o.b("mul", centred, centred), axes)
    scale = o.b("rsqrt", o.b("add", spread, o.number(eps)))
    return o.b("mul", centred, scale), average, scale


def _layer_norm(
    o: Operands, x: Batched, shape: Sequence[int], weight: Any, bias: Any, eps: float
) -> list[Batched]:
    result, average, scale = _normalised(o, x[0], tuple(range(-len(shape), 0)), eps)
    normed: Batched = (result, x[1])
    normed = normed if weight is None else _times(o, normed, weight)
    return [normed if bias is None else _plus(o, normed, bias), (average, x[1]), (scale, x[1])]


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
    spread = _mean_of(o, o.b("mul", x[0], x[0]), tuple(range(-len(shape), 0)))
    scale = o.b("rsqrt", o.b("add", spread, o.number(eps if eps is not None else 1.1920928955078125e-07)))
    normed: Batched = (o.b("mul", x[0], scale), x[1])
    return [normed if weight is None else _times(o, normed, weight), (scale, x[1])]


def _vector_norm(
    o: Operands, x: Batched, order: float = 2, dims: Any = None, keepdim: bool = False
) -> Batched:
    if order != 2:
        raise Refusal(f"a norm of order {order} {o.b.where}")
    squared, axis = _reduce("sum")(o, (o.b("mul", x[0], x[0]), x[1]), dims, keepdim)
    return _root(o, squared), axis


def _cumsum(o: Operands, x: Batched, dim: int, **_: Any) -> Batched:
    """Cumulative sum: along the last axis a product with a triangle of ones, along another axis slice by slice."""
    value, axis = x[0], o.feature_axis(x, dim)
    size = value.shape[axis]
    if axis == -1:
        return o.b(
            "linear", value, o.constant(f"torch.ones({size}, {size}, device='cpu').triu()", (size, size))
        ), x[1]
    sums = [o.cut(value, axis, 0, 1)]
    for index in range(1, size):
        sums.append(o.b("add", sums[-1], o.cut(value, axis, index, index + 1)))
    return o.b("concat", *sums, axis=axis), x[1]


REDUCTIONS: dict[str, Lower] = {
    "sum": _reduce("sum"), "amax": _amax, "amin": _amin, "any": _any, "all": _all, "mean": _mean, "var": _var,
    "std": _std, "logsumexp": _logsumexp, "_softmax": _softmax, "_log_softmax": _log_softmax,
    "_safe_softmax": safe_softmax, "cumsum": _cumsum,
    "native_layer_norm": _layer_norm, "native_group_norm": _group_norm, "_fused_rms_norm": _rms,
    "linalg_vector_norm": _vector_norm,
}  # fmt: skip
