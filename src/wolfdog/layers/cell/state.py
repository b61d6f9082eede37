"""States of cells: a tensor, or a tuple of states, with the batch as the first dimension of each tensor."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

State: TypeAlias = Tensor | tuple["State", ...]


def tensors(state: State) -> Iterator[Tensor]:
    """Tensors of a state, from left to right."""
    if isinstance(state, tuple):
        for part in state:
            yield from tensors(part)
    else:
        yield state


def transform(function: Callable[[Tensor], Tensor], state: State) -> State:
    """State with `function` applied to each tensor; named tuples keep their type."""
    if isinstance(state, Tensor):
        return function(state)
    return _like(state, [transform(function, part) for part in state])


def rebuilt(like: State, parts: Iterable[Tensor]) -> State:
    """State of the same structure from its tensors."""
    left = iter(parts)
    return transform(lambda _: next(left), like)


def select(mask: Tensor, yes: State, no: State) -> State:
    """State with the rows of `yes` where the mask [B] is true, and those of `no` elsewhere."""
    if isinstance(yes, Tensor) and isinstance(no, Tensor):
        return torch.where(mask.view(-1, *(1,) * (yes.dim() - 1)), yes, no)
    if isinstance(yes, tuple) and isinstance(no, tuple):
        return _like(yes, [select(mask, a, b) for a, b in zip(yes, no, strict=True)])
    raise TypeError(f"states of different structure: {structure(yes)} and {structure(no)}")


def detach(state: State) -> State:
    """State detached from its graph, for truncated backpropagation through time.

    Args:
        state: A tensor, or nested tuples of tensors.

    Returns:
        The same structure of detached tensors.

    Examples:
        >>> import torch
        >>> w = torch.ones(2, 3, requires_grad=True)
        >>> h, c = detach((w * 2, w * 3))
        >>> h.requires_grad, c.requires_grad
        (False, False)
    """
    return transform(Tensor.detach, state)


def structure(state: object) -> str:
    """Structure of a state in words: "tensor", "(tensor, tensor)", "(tensor, (tensor,))".

    Examples:
        >>> import torch
        >>> structure((torch.zeros(1), (torch.zeros(1),)))
        '(tensor, (tensor,))'
    """
    if isinstance(state, Tensor):
        return "tensor"
    if isinstance(state, tuple):
        parts = [structure(part) for part in state]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    return type(state).__name__


def _like(state: tuple[State, ...], parts: list[State]) -> State:
    make = getattr(state, "_make", tuple)  # the constructor of a named tuple takes its fields one by one
    made: State = make(parts)
    return made
