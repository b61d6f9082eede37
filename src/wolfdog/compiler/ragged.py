"""Sequences of different lengths in the order that kernels take them: the longest first."""

from typing import Any

import torch
from torch import Tensor

from .backends.numba.matrices import WORTH, multiply_transposed
from .batched import differentiable


def arranged(tensor: Tensor, order: Tensor, back: Tensor, ended: Tensor | None) -> Tensor:
    """A tensor's [T, B, ...] examples in another order, with zeros where `ended` [T, B].

    order, back  [B], each undoing the other, so that the gradient is arranged likewise and nothing is added up
    ended        booleans in the new order, or None
    """
    if differentiable(tensor):
        found: Tensor = _Arranged.apply(tensor, order, back, ended)
        return found
    found = tensor.index_select(1, order)
    return found if ended is None else cleared(found, ended)


class _Arranged(torch.autograd.Function):
    """apply(...) as `arranged`, whose gradient PyTorch would add up."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, order: Tensor, back: Tensor, ended: Tensor | None) -> Tensor:
        """The examples in order."""
        ctx.order, ctx.back, ctx.ended = order, back, ended
        return arranged(tensor, order, back, ended)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """The gradient in the order of before."""
        ended = None if ctx.ended is None else ctx.ended.index_select(1, ctx.back)
        return arranged(gradient, ctx.back, ctx.order, ended), None, None, None


def cleared(tensor: Tensor, ended: Tensor) -> Tensor:
    """The tensor [T, B, ...], with zeros in it where examples have ended."""
    return tensor.masked_fill_(ended.view(*ended.shape, *(1,) * (tensor.dim() - 2)), 0)


def past_the_end(steps: int, lengths: Tensor) -> Tensor:
    """[T, B]: whether an example has ended before a step.

    >>> past_the_end(2, torch.tensor([2, 1]))
    tensor([[False, False],
            [False,  True]])
    """
    return torch.arange(steps)[:, None] >= lengths


def running(steps: int, lengths: Tensor) -> Tensor:
    """Which of the T * B rows of [T, B, ...] belong to a sequence.

    >>> running(2, torch.tensor([2, 1]))
    tensor([0, 1, 2])
    """
    return (~past_the_end(steps, lengths)).flatten().nonzero().squeeze(1)


def summed(gradient: Tensor, rows: Tensor | None) -> Tensor:
    """The sum over steps and examples, [T, B, ...] to [...], of all T * B rows or of those that are given."""
    flat = gradient.flatten(0, 1)
    return (flat if rows is None else flat.index_select(0, rows)).sum(0)


def matrix_gradient(
    operand: Tensor, gradient: Tensor, rows: Tensor | None, heads: bool
) -> tuple[Tensor, Tensor | None]:
    """operand^T @ gradient over steps and examples, [T, B, ..., K] and [T, B, ..., N] to [K, N]; and where that is no
    work, the sums of the gradient, [N].

    It lies in memory as [N, K], as the weights of PyTorch's modules do, whose gradient it is then without a copy. Of
    all T * B, only `rows` are taken where they are given.
    """
    operand, gradient = operand.flatten(0, 1), gradient.flatten(0, 1)
    if not heads and operand.dim() == gradient.dim() == 2 and _worth(operand, gradient, rows):
        product, sums = multiply_transposed(gradient, operand, rows)
        return product.t(), sums
    if rows is not None:
        operand, gradient = operand.index_select(0, rows), gradient.index_select(0, rows)
    if heads:
        return torch.einsum("rhk,rhn->hkn", operand, gradient), None
    operand, gradient = operand.reshape(-1, operand.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    if _worth(operand, gradient, None):
        return multiply_transposed(gradient, operand)[0].t(), None
    return (gradient.t() @ operand).t(), None


def _worth(operand: Tensor, gradient: Tensor, rows: Tensor | None) -> bool:
    """Whether a product is large enough for a kernel, and lies as one reads it."""
    count = len(operand) if rows is None else len(rows)
    side_by_side = operand.stride(1) == gradient.stride(1) == 1
    return side_by_side and count * operand.shape[1] * gradient.shape[1] >= WORTH
