"""Fast path for repeated calls of torch.nn's layers: one compiled check of all guards, followed by the kernels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..execution.backend import variable_slot
from ..execution.dependencies import Watched
from ..execution.guards import Check, compiled_check
from .eligibility import state_sizes
from .layouts import Whole
from .run_layers import Named, RunUnit, run_stack

_SAYS = (
    "mode", "input_size", "hidden_size", "proj_size", "bias", "num_layers", "bidirectional", "batch_first",
    "_all_weights", "_parameters",
)  # fmt: skip
"""Attributes of a layer that its calls depend on."""


class LayerPath:
    """Call over tensors by kernels, for events and states of the same form as those that it was made for.

    Args:
        layer: The layer.
        runs: The run of every layer and direction.
        named: Their parameters by the cells' names.
        x, hx: Events, and states or None, which kernels have just run.
    """

    def __init__(
        self, layer: nn.RNNBase, runs: Sequence[RunUnit], named: Sequence[Named], x: Tensor, hx: Any
    ) -> None:
        self._runs, self._named = runs, named
        names = [name for names in layer._all_weights for name in names]
        self._count = len(state_sizes(layer)) if hx is not None else 0
        watched = Watched([x, *self._states(hx)], [layer._parameters] * len(names), names, len(names))
        watched.makes = False
        watched.add(*((layer._parameters, name) for name in names))  # `_named` holds these very tensors
        watched.add(*((layer.__dict__, name) for name in _SAYS), *variable_slot())
        self._check: Check = compiled_check(watched)
        with torch.inference_mode(False):  # zeros that any later call may use
            batch = Whole(x, layer.batch_first).batch
            zeros = [
                torch.zeros(batch, size, dtype=x.dtype, device=torch.device("cpu"))
                for size in state_sizes(layer)
            ]
        self._start = [tuple(zeros)] * len(runs)
        self._as_it_lies = len(runs) == 1 and x.dim() == 3 and not layer.batch_first and hx is None

    def __call__(self, layer: nn.RNNBase, x: Any, hx: Any) -> tuple[Tensor, list[Tensor]] | None:
        """Outputs and last states; None where a guard fails.

        Parameters are the same tensors as before; their values may differ.
        """
        try:
            states = self._states(hx)
        except ValueError:
            return None
        if self._check(x, states) is None:
            return None
        if self._as_it_lies:
            y, last = self._runs[0](self._named[0], x, self._start[0], None)
            return y, [state.unsqueeze(0) for state in last]
        layout, before = Whole(x, layer.batch_first), self._start
        if states:
            before = list(zip(*(state.unbind(0) for state in layout.states(list(states))), strict=True))
        drop = layer.dropout if layer.training else 0.0
        units = list(zip(self._runs, self._named, before, strict=True))
        return layout.result(*run_stack(units, layout, layout.x, layer.bidirectional, drop))

    def _states(self, hx: Any) -> Sequence[Tensor]:
        """State tensors, of the form that the path was made for.

        Raises:
            ValueError: The form is another one.
        """
        states = () if hx is None else hx if self._count > 1 and isinstance(hx, tuple | list) else (hx,)
        if len(states) != self._count:
            raise ValueError
        return states
