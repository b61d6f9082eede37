"""Lowering of matrix products."""

from typing import Any

from ...errors import Refusal
from .operands import Batched, Folded, Lower, Operands, pointwise

_times, _plus = pointwise("mul"), pointwise("add")


def _mm(o: Operands, a: Batched, b: Batched) -> Batched:
    _constant_matrices(o, a, b)
    if a[1] == 0 and b[1] is None:
        return o.b("linear", a[0], b[0]), a[1]
    if a[1] is None and b[1] == 1 and not isinstance(b[1], Folded):  # (W x^T), as x W^T transposed
        return o.b("linear", b[0], o.b("permute", a[0], order=(1, 0))), 1
    raise Refusal(f"a matrix product across the batch {o.b.where}")


def _constant_matrices(o: Operands, *tensors: Batched) -> None:
    for value, axis in tensors:
        if axis is None and value.op == "fill":
            raise Refusal(f"a matrix product with one number everywhere {o.b.where}")


def _addmm(o: Operands, bias: Batched, a: Batched, b: Batched, beta: float = 1, alpha: float = 1) -> Batched:
    product = _mm(o, a, b)
    if alpha != 1:
        product = _times(o, product, alpha)
    scaled = bias if beta == 1 else _times(o, bias, beta)
    result: Batched = _plus(o, product, scaled)
    return result


def _mv(o: Operands, a: Batched, b: Batched) -> Batched:
    """Product of `[B, K]` and `[K]`, `[B]`."""
    if a[1] != 0 or isinstance(a[1], Folded) or b[1] is not None:
        raise Refusal(f"a product of a matrix and a vector across the batch {o.b.where}")
    return o.reshape(o.b("sum", o.b("mul", a[0], b[0]), axes=(-1,)), ()), 0


def _bmm(o: Operands, a: Batched, b: Batched) -> Batched:
    _constant_matrices(o, a, b)
    if a[1] == 1 and b[1] is None and isinstance(a[1], Folded):
        if b[0].shape[0] != 1:
            raise Refusal(f"a product of matrices of a view that merges the batch {o.b.where}")
        return o.b("linear", a[0], o.reshape(b[0], b[0].shape[1:])), a[1]
    if a[1] == 1 and b[1] is None:
        return o.b("heads", a[0], b[0]), 1
    if a[1] is None and b[1] == 2 and not isinstance(b[1], Folded):
        return o.b("heads", b[0], o.b("permute", a[0], order=(0, 2, 1))), 2
    if a[1] == 0 and b[1] == 0 and not isinstance(a[1], Folded) and not isinstance(b[1], Folded):
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
    product: Any = _times(o, _bmm(o, a, b), alpha)
    result: Batched = _plus(o, product, _times(o, bias, beta))
    return result


PRODUCTS: dict[str, Lower] = {"mm": _mm, "addmm": _addmm, "mv": _mv, "bmm": _bmm, "baddbmm": _baddbmm}
