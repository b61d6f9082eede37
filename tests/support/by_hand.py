"""Stacks and directions written out: each sequence by itself, one event at a time, by calling the cells."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import wolfdog as wd
from naive_loop import rows, stacked


def over(
    layer: nn.Module,
    x: Tensor,
    state: object = None,
    lengths: Sequence[int] | None = None,
    resets: Tensor | None = None,
) -> tuple[Tensor, object]:
    """What a layer says of events [T, B, I], and its state after them."""
    if isinstance(layer, wd.Bidirectional):
        return both_ways(layer, x, state, lengths, resets)
    if isinstance(layer, wd.Stack):
        return upon_another(layer, x, state, lengths, resets)
    return one_way(layer, x, state, lengths, resets, backwards=False)


def one_way(
    layer: wd.Recurrent,
    x: Tensor,
    state: object,
    lengths: Sequence[int] | None,
    resets: Tensor | None,
    backwards: bool,
) -> tuple[Tensor, object]:
    """One cell, from the first event to the last or from the last to the first."""
    steps, batch = x.shape[:2]
    outputs: dict[tuple[int, int], Tensor] = {}
    states = []
    for b in range(batch):
        end = steps if lengths is None else lengths[b]
        now = layer.cell.initial_state(1) if state is None else rows(state, b)
        for t in reversed(range(end)) if backwards else range(end):
            border = t + 1 if backwards else t  # between this event and the one that was read before
            if resets is not None and border < end and resets[border, b]:
                now = layer.cell.initial_state(1)
            result = layer.cell(x[t, b : b + 1], now)
            y, now = result if layer.returns == "output, state" else (result, result)
            outputs[t, b] = (y[0] if isinstance(y, tuple) else y)[0]
        states.append(now)
    nothing = torch.zeros_like(next(iter(outputs.values())))
    y = torch.stack([torch.stack([outputs.get((t, b), nothing) for b in range(batch)]) for t in range(steps)])
    return y, stacked(states)


def both_ways(
    layer: wd.Bidirectional,
    x: Tensor,
    state: object,
    lengths: Sequence[int] | None,
    resets: Tensor | None,
) -> tuple[Tensor, object]:
    """Two directions, of cells."""
    before, behind = (None, None) if state is None else state
    y, last = one_way(layer.forwards, x, before, lengths, resets, backwards=False)
    z, first = one_way(layer.backwards, x, behind, lengths, resets, backwards=True)
    if layer.merge == "concat":
        return torch.cat((y, z), -1), (last, first)
    return {"sum": y + z, "mean": y / 2 + z / 2, "product": y * z}[layer.merge], (last, first)


def upon_another(
    stack: wd.Stack,
    x: Tensor,
    state: object,
    lengths: Sequence[int] | None,
    resets: Tensor | None,
) -> tuple[Tensor, object]:
    """Layers upon layers, with what goes past them."""
    last = []
    for number, layer in enumerate(stack.layers):
        taken = x
        if number and stack.training and stack.dropout:
            taken = nn.functional.dropout(x, stack.dropout)
        y, after = over(layer, taken, None if state is None else state[number], lengths, resets)
        last.append(after)
        x = passed(stack, number, x, y, lengths)
    return x, tuple(last)


def passed(stack: wd.Stack, number: int, x: Tensor, y: Tensor, lengths: Sequence[int] | None) -> Tensor:
    """What goes up: y, and what of x goes past the layer."""
    if stack.skip is None:
        return y
    skip = stack.skips[number]
    past = x if isinstance(skip.project, nn.Identity) else x @ skip.project.weight.T
    if stack.skip == "residual":
        mixed = y + past
    else:
        t = torch.sigmoid(x @ skip.gate.weight.T + skip.gate.bias)
        mixed = t * y + (1 - t) * past
    for b, end in enumerate(lengths or []):
        for t in range(end, len(x)):
            mixed = mixed.index_put((torch.tensor(t), torch.tensor(b)), mixed.new_zeros(()))
    return mixed
