"""Layers upon layers, in one direction or in two: the loop that kernels stand in."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import dropout

from .layouts import Layout

Named = Mapping[str, Tensor]
RunUnit = Callable[[Named, Tensor, Sequence[Tensor], Tensor | None], tuple[Tensor, Sequence[Tensor]]]
"""Parameters by name, events [T, B, ...], states [B, ...] and lengths to outputs and last states."""


def run_stack(
    units: Sequence[Sequence[tuple[RunUnit, Named]]],
    layout: Layout,
    x: Tensor,
    states: Sequence[Tensor],
    drop: float,
) -> tuple[Tensor, list[Tensor]]:
    """Outputs of the last layer in the layout of x, and last states.

    Args:
        units: for every layer, one or two directions, the second backwards.
        layout: how x lies.
        x: events.
        states: h (and c), `[layers * directions, B, ...]` each.
        drop: the share of each layer's outputs, but for the last, that is zeroed before the next.
    """
    before = list(zip(*(state.unbind(0) for state in states), strict=True))
    last: list[Sequence[Tensor]] = []
    for number, layer in enumerate(units):
        if number and drop:
            x = dropout(x, drop)
        outputs = []
        for (run, named), backwards in zip(layer, (False, True), strict=False):
            y, after = run(named, layout.events(x, backwards), before[len(last)], layout.lengths)
            outputs.append(layout.outputs(y, backwards))
            last.append(after)
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
    return x, [torch.stack(part) for part in zip(*last, strict=True)]
