"""Torch's cells by wolfdog's equations: for names of their quantities, and for vmap, which lacks rules for them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import Any

import torch
from torch import nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from ...cells import Cell, ElmanCell, GRUCell, LSTMCell

EQUAL_CELLS: Mapping[type[nn.Module], Callable[..., Cell]] = {
    nn.RNNCell: ElmanCell,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
}
"""Torch's cells, whose step is one operator, and the equal cells of wolfdog, whose step is many."""

_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

_OPERATORS: Mapping[Callable[..., Any], Callable[..., Cell]] = {
    torch.lstm_cell: LSTMCell,
    torch.gru_cell: GRUCell,
    torch.rnn_tanh_cell: ElmanCell,
    torch.rnn_relu_cell: partial(ElmanCell, nonlinearity="relu"),
}
"""Operators of torch's cells, and the equal cells."""


def equal_cell(cell: nn.Module) -> nn.Module:
    """Cell of wolfdog: the cell itself, or for one of torch's the equal cell with the same parameters.

    Examples:
        >>> equal_cell(nn.GRUCell(3, 4))
        GRUCell(3, 4)
        >>> type(equal_cell(nn.GRUCell(3, 4))).__module__
        'wolfdog.cells.gru'
    """
    make = EQUAL_CELLS.get(type(cell))
    if make is None:
        return cell
    options = {"nonlinearity": cell.nonlinearity} if isinstance(cell, nn.RNNCell) else {}
    equal = make(cell.input_size, cell.hidden_size, bias=bool(cell.bias), device="meta", **options)
    equal._parameters = cell._parameters  # one dictionary, so that both see later changes
    return equal


def vmappable() -> AbstractContextManager[Any]:
    """Context in which the operators of torch's cells run by the equations of wolfdog's, under torch.func alone.

    vmap has no rules for these operators. Outside the transforms of torch.func the context does nothing.

    Examples:
        >>> cell, x = nn.LSTMCell(3, 4), torch.randn(5, 2, 3)
        >>> with vmappable():
        ...     torch.func.vmap(lambda x: cell(x)[0])(x).shape  # entered outside of vmap
        Traceback (most recent call last):
        RuntimeError: Batching rule not implemented for aten::lstm_cell. We could not generate a fallback.
        >>> def step(x):
        ...     with vmappable():
        ...         return cell(x)[0]
        >>> torch.func.vmap(step)(x).shape
        torch.Size([5, 2, 4])
    """
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is None:
        return nullcontext()
    return _ByEquations()


class _ByEquations(TorchFunctionMode):
    """Function mode that replaces the operators of torch's cells."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        make = _OPERATORS.get(func)
        if make is None:
            return func(*args, **(kwargs or {}))
        event, state, *parameters = args
        named = dict(zip(_PARAMETERS, parameters, strict=False))
        sizes = event.shape[-1], named["weight_hh"].shape[-1]
        cell = _cell(make, *sizes, named.get("bias_ih") is not None)
        return functional_call(cell, named, (event, tuple(state) if isinstance(state, list) else state))


@lru_cache(maxsize=64)
def _cell(make: Callable[..., Cell], input_size: int, hidden_size: int, bias: bool) -> Cell:
    with temporarily_clear_interpreter_stack():  # vmap refuses random numbers, which initialisation draws
        return make(input_size, hidden_size, bias=bias, device="meta")
