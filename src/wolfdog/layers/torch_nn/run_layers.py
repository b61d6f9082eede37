"""Loop over stacked layers, in one direction or in two."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import dropout

from .layouts import Layout

Named = Mapping[str, Tensor]
RunUnit = Callable[[Named, Tensor, Sequence[Tensor], Tensor | None], tuple[Tensor, Sequence[Tensor]]]
"""Parameters by name, events [T, B, ...], states [B, ...] and lengths to outputs and last states."""


def run_stack(
    units: Sequence[tuple[RunUnit, Named, Sequence[Tensor]]],
    layout: Layout,
    x: Tensor,
    both: bool,
    drop: float,
) -> tuple[Tensor, list[Tensor]]:
    """Outputs of the last layer in the layout of x, and last states.

    Args:
        units: For every layer, and within it for every direction, its run, its parameters and its initial states.
        layout: Layout of x.
        x: Events.
        both: Whether every layer has two directions, the second backwards.
        drop: Share of each layer's outputs, except the last's, that is zeroed before the next.

    Returns:
        The outputs, and the last states, `[layers * directions, B, ...]` each.
    """
    if len(units) == 1:
        ((run, named, before),) = units
        y, after = run(named, layout.events(x, False), before, layout.lengths)
        return layout.outputs(y, False), [state.unsqueeze(0) for state in after]
    last: list[Sequence[Tensor]] = []
    outputs: list[Tensor] = []
    for number, (run, named, before) in enumerate(units):
        backwards = both and number % 2 == 1
        if number and not backwards:
            x = torch.cat(outputs, -1) if both else outputs[0]
            if drop:
                x = dropout(x, drop)
            outputs = []
        y, after = run(named, layout.events(x, backwards), before, layout.lengths)
        outputs.append(layout.outputs(y, backwards))
        last.append(after)
    y = torch.cat(outputs, -1) if both else outputs[0]
    return y, [torch.stack(part) for part in zip(*last, strict=True)]
