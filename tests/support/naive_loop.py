"""What a layer means, said once more in the plainest way: each sequence by itself, one event at a time."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[[Tensor, object], tuple[Tensor, object]]  # event [1, I], state of one row or None


def rows(state: object, row: int) -> object:
    """One row of a state, still with a batch dimension."""
    if isinstance(state, Tensor):
        return state[row : row + 1]
    return tuple(rows(part, row) for part in state)


def stacked(states: Sequence[object]) -> object:
    """The rows put back together."""
    if isinstance(states[0], Tensor):
        return torch.cat(list(states))
    return tuple(stacked(parts) for parts in zip(*states, strict=True))


def run(
    step: Step,
    x: Tensor,
    start: object,
    lengths: Sequence[int] | None = None,
    resets: Tensor | None = None,
) -> tuple[Tensor, object]:
    """Outputs [T, B, H] and last state; `start` is the state before x, None where the cell makes its own."""
    steps, batch = x.shape[:2]
    outputs: list[list[Tensor]] = []
    states = []
    for b in range(batch):
        state = rows(start, b) if start is not None else None
        of_b = []
        for t in range(steps if lengths is None else lengths[b]):
            if resets is not None and resets[t, b]:
                state = None
            y, state = step(x[t, b : b + 1], state)
            of_b.append(y)
        outputs.append(of_b)
        states.append(state)
    some = next(value for of_b in outputs for value in of_b)
    y = torch.zeros(steps, batch, *some.shape[1:], dtype=x.dtype)
    for b, of_b in enumerate(outputs):
        for t, value in enumerate(of_b):
            y[t, b] = value[0]
    return y, stacked(states)
