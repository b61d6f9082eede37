"""The state of any cell: a tensor, or a tuple of states; the batch is each tensor's first dimension."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

State: TypeAlias = Tensor | tuple["State", ...]


def tensors(state: State) -> Iterator[Tensor]:
    """The tensors of a state, from left to right."""
    if isinstance(state, tuple):
        for part in state:
            yield from tensors(part)
    else:
        yield state


def transform(function: Callable[[Tensor], Tensor], state: State) -> State:
    """The state with `function` applied to each of its tensors; named tuples stay what they are."""
    if isinstance(state, Tensor):
        return function(state)
    return _like(state, [transform(function, part) for part in state])


def rebuilt(like: State, parts: Iterable[Tensor]) -> State:
    """A state of the same form from its tensors."""
    left = iter(parts)
    return transform(lambda _: next(left), like)


def select(mask: Tensor, yes: State, no: State) -> State:
    """Row by row, `yes` where the mask [B] is true and `no` elsewhere."""
    if isinstance(yes, Tensor) and isinstance(no, Tensor):
        return torch.where(mask.view(-1, *(1,) * (yes.dim() - 1)), yes, no)
    if isinstance(yes, tuple) and isinstance(no, tuple):
        return _like(yes, [select(mask, a, b) for a, b in zip(yes, no, strict=True)])
    raise TypeError(f"states of two forms: {structure(yes)} and {structure(no)}")


def detach(state: State) -> State:
    """The state cut from the graph that made it, for truncated backpropagation through time.

    >>> import torch
    >>> w = torch.ones(2, 3, requires_grad=True)
    >>> h, c = detach((w * 2, w * 3))
    >>> h.requires_grad, c.requires_grad
    (False, False)
    """
    return transform(Tensor.detach, state)


def structure(state: object) -> str:
    """The form of a state in words: "tensor", "(tensor, tensor)", "(tensor, (tensor,))".

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
    make = getattr(state, "_make", tuple)  # a named tuple is made from its fields by _make
    made: State = make(parts)
    return made
