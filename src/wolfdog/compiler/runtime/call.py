"""Lowering of a call: the arguments of a recurrence's kernels, computed by PyTorch from a cell's tensors and events."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..frontend.streams import Draw, drawn
from ..frontend.trace import Traced
from .affine import Events
from .frozen import Frozen
from .recurrence import Recurrence
from .torch_program import as_function


class Call:
    """Computation before the loop, of eager calls and of graphs of torch.compile alike.

    Args:
        traced: The step.
        rows: Names of tensors with a row for each example, as dropout masks of a sequence.
        recurrence: Recurrence whose kernels run afterwards.

    Attributes:
        names: Names of the tensors that `code` reads.
        values: Names of its results.
    """

    def __init__(self, traced: Traced, rows: Sequence[str], recurrence: Recurrence) -> None:
        self.recurrence, code = recurrence, traced.parameters
        self.names, self.values, self.rows = list(code.names), list(code.results()), list(rows)
        self._parameters = code.function()
        self._draws: tuple[Draw, ...] = traced.draws
        self._lookups = [(each, as_function(each.indices)) for each in traced.lookups]
        self._reads_event = any(value.name == "x" for value in traced.program.inputs())
        self._early, self._over_events = recurrence.early, recurrence.over_events
        self._event_names, self._parameter_names = list(recurrence.events), list(recurrence.parameters)
        self._frozen: Frozen[list[Tensor]] = Frozen()

    def arguments(
        self,
        named: Mapping[str, Tensor],
        x: Tensor,
        resets: Tensor | None = None,
        fresh: Sequence[Tensor] = (),
        used: int | None = None,
        *,
        packed: bool = False,
    ) -> tuple[list[Events], list[Tensor]]:
        """Kernel inputs of every event, and of the parameters, in the recurrence's order.

        Outside of graphs an input of every event may be a map that the recurrence computes.

        Args:
            named: Tensors of the cell by name.
            x: Events `[T, B, ...]`.
            resets: Booleans `[T, B]`, true where states become `fresh` before the step; None for no resets.
            fresh: States after a reset, `[B, ...]` each.
            used: Number of steps that the loop would run, which counts for random numbers; None for all.
            packed: Whether matrices come as the kernel of inference reads them, kept from call to call.
        """
        steps, dtype = x.shape[0], self.recurrence.dtype
        inputs = {"x": x.to(dtype)} if self._reads_event else {}
        if self._draws:
            inputs |= drawn(self._draws, steps, steps if used is None else used, x.shape[1], dtype)
        for number, name in enumerate(self.rows):
            inputs[f"a{number}"] = named[name].to(dtype).expand(steps, *named[name].shape)
        if resets is not None:
            inputs["reset"] = resets.to(dtype)
            for number, state in enumerate(fresh):
                inputs[f"f{number}"] = state.expand(steps, *state.shape)
        if packed and not self._lookups:
            given = [named[name] for name in self.names]
            kept = self._frozen.get(given, lambda: self._packed(given, inputs.get("x", x)))
            events = self._over_events(like=x, **inputs)
            return [events[name] for name in self._event_names], kept
        values = dict(zip(self.values, self._parameters(*[named[name] for name in self.names]), strict=True))
        for each, indices in self._lookups:
            inputs[each.name] = each.rows(values[each.table], indices(like=x, x=x)["i"])
        like = x if x.is_floating_point() else x.new_empty(0, dtype=dtype)
        early = self._early(like=like, **values)
        events = self._over_events(like=like, **inputs, **values, **early)
        return [events[name] for name in self._event_names], [early[name] for name in self._parameter_names]

    def _packed(self, given: Sequence[Tensor], like: Tensor) -> list[Tensor]:
        """Parameters of the recurrence as its kernel of inference reads them, in the recurrence's order."""
        with torch.no_grad():
            values = dict(zip(self.values, self._parameters(*given), strict=True))
            early = self._early(like=like, **values)
            found = early | self.recurrence.inference.pack(early)
        return [found[name] for name in self._parameter_names]
