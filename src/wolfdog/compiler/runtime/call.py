"""Lowering of a call: the arguments of a recurrence's kernels, computed by PyTorch from a cell's tensors and events."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ..frontend.prologue import ParameterCode
from .recurrence import Recurrence


class Call:
    """Computation before the loop, of eager calls and of graphs of torch.compile alike.

    Args:
        code: Code of what depends on parameters alone.
        rows: Names of tensors with a row for each example, as dropout masks of a sequence.
        recurrence: Recurrence whose kernels run afterwards.

    Attributes:
        names: Names of the tensors that `code` reads.
        values: Names of its results.
    """

    def __init__(self, code: ParameterCode, rows: Sequence[str], recurrence: Recurrence) -> None:
        self.recurrence = recurrence
        self.names, self.values, self.rows = list(code.names), list(code.results()), list(rows)
        self._parameters = code.function()
        self._early, self._over_events = recurrence.early, recurrence.over_events
        self._event_names, self._parameter_names = list(recurrence.events), list(recurrence.parameters)

    def arguments(
        self,
        named: Mapping[str, Tensor],
        x: Tensor,
        resets: Tensor | None = None,
        fresh: Sequence[Tensor] = (),
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Kernel inputs of every event, and of the parameters, in the recurrence's order.

        Args:
            named: Tensors of the cell by name.
            x: Events `[T, B, ...]`.
            resets: Booleans `[T, B]`, true where states become `fresh` before the step; None for no resets.
            fresh: States after a reset, `[B, ...]` each.
        """
        steps = x.shape[0]
        inputs = {"x": x}
        for number, name in enumerate(self.rows):
            inputs[f"a{number}"] = named[name].to(x.dtype).expand(steps, *named[name].shape)
        if resets is not None:
            inputs["reset"] = resets.to(x.dtype)
            for number, state in enumerate(fresh):
                inputs[f"f{number}"] = state.expand(steps, *state.shape)
        values = dict(zip(self.values, self._parameters(*[named[name] for name in self.names]), strict=True))
        early = self._early(like=x, **values)
        events = self._over_events(like=x, **inputs, **values, **early)
        return [events[name] for name in self._event_names], [early[name] for name in self._parameter_names]
