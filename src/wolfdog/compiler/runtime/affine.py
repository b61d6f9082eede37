"""Affine maps of all events with gradients, by the matrix product of the kernels."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..backends.llvm.gemm import WORTH, multiply, multiply_transposed
from ..backends.llvm.narrow import MatrixFormat
from ..batched import needs_operators, operator_gradients, readable, recorded
from ..saved_tensors import as_saved, saved_forms


def affine(x: Tensor, weight: Tensor, bias: Tensor, form: MatrixFormat = MatrixFormat.FLOAT32) -> Tensor:
    """Affine map as torch.nn.functional.linear: x `[T, B, K]`, weight `[N, K]`, bias `[N]`; small ones by PyTorch.

    The kernel keeps the weight in the given format.
    """
    if torch.compiler.is_compiling() or x.numel() * len(weight) < WORTH or not readable((x, weight, bias)):
        return linear(x, weight, bias)
    if recorded((x, weight, bias)):
        found: Tensor = _Affine.apply(x, weight, bias, form)
        return found
    return _product(x, weight, bias, form)


class AffineEvents(NamedTuple):
    """Affine map of all events that is not computed yet: x `[T, B, K]`, weight `[N, K]`, bias `[N]`."""

    x: Tensor
    weight: Tensor
    bias: Tensor

    def computed(self) -> Tensor:
        """The map by PyTorch, `[T, B, N]`."""
        return linear(*self)

    def gradients(self, gradient: Tensor | None, wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
        """Gradients of the three tensors.

        Args:
            gradient: Gradient of the map, or None.
            wanted: Whether each one's gradient is computed.
        """
        if gradient is None:
            return None, None, None
        x, weight, _ = self
        to_x, to_weight, to_bias = wanted
        rows = gradient.reshape(-1, gradient.shape[-1])
        of_weight = None
        if to_weight:
            given = x.reshape(-1, x.shape[-1])
            # laid out as the weight: parameters of another layout would copy their gradients
            of_weight = (given.t() @ rows).t() if weight.stride(0) == 1 else rows.t() @ given
        return (rows @ weight).view(x.shape) if to_x else None, of_weight, rows.sum(0) if to_bias else None


Events = Tensor | AffineEvents
"""A kernel's input of every event, or a map of events that becomes one."""


def computed(events: Sequence[Events]) -> list[Tensor]:
    """Inputs of every event, all of them computed."""
    return [event.computed() if isinstance(event, AffineEvents) else event for event in events]


def deferred_affine(
    x: Tensor, weight: Tensor, bias: Tensor, form: MatrixFormat = MatrixFormat.FLOAT32
) -> Events:
    """Affine map as `affine`, which the recurrence's own autograd function computes where it is small and recorded.

    One function in autograd's graph costs less than two.
    """
    small = not torch.compiler.is_compiling() and x.numel() * len(weight) < WORTH
    if small and recorded((x, weight, bias)) and readable((x, weight, bias)):
        return AffineEvents(x, weight, bias)
    return affine(x, weight, bias, form)


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, form: MatrixFormat) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.forms, ctx.format = saved_forms((x, weight, bias)), form
        return _product(x, weight, bias, form)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (x, weight, bias), unchanged = as_saved(ctx.saved_tensors, ctx.forms)
        if needs_operators((gradient,)) or not (unchanged or readable((x, weight, bias))):
            found = operator_gradients(lambda *given: [linear(*given)], (x, weight, bias), (gradient,))
            return (*found, None)
        to_x, to_weight, to_bias, _ = ctx.needs_input_grad
        dx = _product(gradient, weight.t(), None, ctx.format) if to_x else None
        if not (to_weight or to_bias):
            return dx, None, None, None
        return (dx, *multiply_transposed(_rows(gradient), _rows(x), form=ctx.format), None)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, form: MatrixFormat) -> Tensor:
    return multiply(_rows(x), weight.t(), bias, form).unflatten(0, x.shape[:-1])


def _rows(x: Tensor) -> Tensor:
    """Matrix `[R, K]` with contiguous rows."""
    rows = x.detach().reshape(-1, x.shape[-1])
    return rows if rows.stride(1) == 1 else rows.contiguous()
