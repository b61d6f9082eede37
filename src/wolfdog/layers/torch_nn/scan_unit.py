"""Units of torch.nn's layers as torch's scan, for exported programs with a dynamic number of steps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..cell.state import State, tensors
from ..execution.scan import dynamic, scan_steps
from .run_layers import RunUnit


def scans(layer: nn.RNNBase, events: object) -> list[RunUnit]:
    """Runs of every layer and direction by scans; none where the number of steps is known.

    Args:
        layer: The layer.
        events: Its input.

    Returns:
        The runs.
    """
    if not isinstance(events, Tensor) or events.dim() not in (2, 3):
        return []
    if not dynamic(events.shape[1 if layer.batch_first and events.dim() == 3 else 0]):
        return []
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    return [partial(_run, STEPS[layer.mode])] * count


def _run(
    step: "Step", named: Mapping[str, Tensor], x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
) -> tuple[Tensor, Sequence[Tensor]]:
    """Outputs and last states of one unit, as of `run_loop`."""

    def once(event: Tensor, state: State, fresh: Tensor | None) -> tuple[Tensor, State]:
        after = step(named, event, *tensors(state))
        return after[0], after

    y, after = scan_steps(once, x, tuple(states), lengths, None)
    return y, list(tensors(after))


def _lstm(named: Mapping[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    sums = linear(x, named["weight_ih"], named.get("bias_ih")) + linear(
        h, named["weight_hh"], named.get("bias_hh")
    )
    i, f, g, o = sums.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    projection = named.get("weight_hr")
    return h if projection is None else linear(h, projection), c


def _by_operator(operator: Callable[..., Tensor]) -> "Step":
    def step(named: Mapping[str, Tensor], x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        weights = named["weight_ih"], named["weight_hh"], named.get("bias_ih"), named.get("bias_hh")
        return (operator(x, h, *weights),)

    return step


Step = Callable[..., tuple[Tensor, ...]]
"""Function of the parameters by name, an event and the states to the next states, the output first."""

STEPS: Mapping[str, Step] = {
    "LSTM": _lstm,
    "GRU": _by_operator(torch.gru_cell),
    "RNN_TANH": _by_operator(torch.rnn_tanh_cell),
    "RNN_RELU": _by_operator(torch.rnn_relu_cell),
}
"""Steps of the units, by torch.nn's names."""
