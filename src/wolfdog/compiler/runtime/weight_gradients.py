"""Gradients of parameters: sums and matrix products over all steps and examples."""

import torch
from torch import Tensor

from ..backends.llvm.gemm import WORTH, Chosen, multiply_transposed
from ..backends.llvm.narrow import MatrixFormat


def summed(gradient: Tensor, rows: Tensor | None) -> Tensor:
    """Sum over steps and examples, `[T, B, ...]` to `[...]`, of all T * B rows or of the given ones."""
    flat = gradient.flatten(0, 1)
    return (flat if rows is None else flat.index_select(0, rows)).sum(0)


def matrix_gradient(
    operand: Tensor,
    gradient: Tensor,
    rows: Chosen | None,
    heads: bool,
    form: MatrixFormat = MatrixFormat.FLOAT32,
) -> tuple[Tensor, Tensor | None]:
    """Product operand^T gradient over steps and examples, and the sums of the gradient where they cost nothing.

    The operand `[T, B, ..., K]` and the gradient `[T, B, ..., N]` give `[K, N]` and `[N]`. The product is stored as
    `[N, K]`, like the weights of PyTorch's modules, so that it becomes their gradient without a copy. With `rows`, only
    these rows of the gradient and of the operand count. `form` is that of `multiply_transposed`.
    """
    operand, gradient = operand.flatten(0, 1), gradient.flatten(0, 1)
    if not heads and operand.dim() == gradient.dim() == 2 and _worth(operand, gradient, rows):
        product, sums = multiply_transposed(gradient, operand, rows, form)
        return product.t(), sums
    if rows is not None:
        gradient, operand = (
            of.index_select(0, some) for of, some in zip((gradient, operand), rows, strict=True)
        )
    if heads:
        return torch.einsum("rhk,rhn->hkn", operand, gradient), None
    operand, gradient = operand.reshape(-1, operand.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    if _worth(operand, gradient, None):
        return multiply_transposed(gradient, operand, form=form)[0].t(), None
    return (gradient.t() @ operand).t(), None


def _worth(operand: Tensor, gradient: Tensor, rows: Chosen | None) -> bool:
    """Whether a product is large enough for a kernel and has contiguous rows."""
    count = len(operand) if rows is None else len(rows[0])
    side_by_side = operand.stride(1) == gradient.stride(1) == 1
    return side_by_side and count * operand.shape[1] * gradient.shape[1] >= WORTH
