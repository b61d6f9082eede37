"""Activations of RNN, LSTM and GRU: every quantity of every layer and direction over time."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from ..recurrent import Recurrent
from .kernels import Unit, cell_of
from .layouts import Layout
from .run_layers import Named

STATES = {"stm": "h", "ltm": "c"}
"""Torch's names for what the cells here call otherwise."""

_made: "WeakKeyDictionary[nn.Module, dict[str | None, list[Recurrent]]]" = WeakKeyDictionary()


def quantities(
    layer: nn.RNNBase,
    named: Sequence[Named],
    layout: Layout,
    before: Sequence[tuple[Tensor, ...]],
    backend: str | None,
) -> dict[str, Any]:
    """Activations of every layer and direction, laid out as the events, with the suffixes of the parameters.

    Args:
        layer: The layer.
        named: For every layer and direction, the parameters by the cells' names.
        layout: Layout of the events.
        before: Initial states of every layer and direction, [B, ...] each.
        backend: As of `Recurrent`.

    Returns:
        Name with suffix -> values over time.
    """
    kept = _made.setdefault(layer, {})
    if backend not in kept:
        kept[backend] = [_recurrent(layer, tensors, backend) for tensors in named]
    inside = kept[backend]
    found: dict[str, Any] = {}
    x, directions = layout.x, 2 if layer.bidirectional else 1
    for number in range(layer.num_layers):
        if number and layer.training and layer.dropout:
            x = dropout(x, layer.dropout)
        outputs = []
        for backwards in (False, True)[:directions]:
            at = number * directions + backwards
            inside[at].cell._parameters.update(named[at])  # type: ignore[arg-type]  # as they are now
            state = before[at] if len(before[at]) > 1 else before[at][0]
            traced = inside[at].activations(layout.events(x, backwards), state, layout.lengths)
            for name, values in traced.items():
                laid = layout.outputs(values, backwards)
                name = STATES.get(name, name)
                found[f"{name}_l{number}{'_reverse' if backwards else ''}"] = layout.result(laid, [])[0]
                if name == "h":
                    outputs.append(laid)
        x = torch.cat(outputs, -1)
    return found


def _recurrent(layer: nn.RNNBase, named: Named, backend: str | None) -> Recurrent:
    """`Recurrent` of one layer in one direction, whose cell does not have its parameters yet."""
    weight = named["weight_ih"]
    unit = Unit(layer.mode, weight.shape[1], layer.hidden_size, layer.proj_size, layer.bias, weight.dtype)
    return Recurrent(cell_of(unit), backend=backend)
