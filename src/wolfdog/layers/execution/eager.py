"""Reference loop over the steps in plain PyTorch, which defines the results of a layer."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ...compiler.ragged import masked, padding_mask
from ...errors import InputError
from ..cell.arguments import values_known
from ..cell.protocol import Returns, initial_state, output_and_state, result_form
from ..cell.state import State, select, structure
from ..cell.torch_cells import vmappable

_found_forms: "WeakKeyDictionary[nn.Module, dict[str, Returns]]" = WeakKeyDictionary()
"""Forms that were found by trying, by the structure of what cells returned without a state."""


class EagerRunner:
    """Runner of a cell step by step; `returns` None is inferred from the first result."""

    backend = "eager"

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        self.cell = cell
        self.returns = returns

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The output [B, ...] and the state after one event [B, ...]; state None is the cell's zero state."""
        if state is None:
            state = initial_state(self.cell, len(event))
        with vmappable():
            result = self.cell(event) if state is None else self.cell(event, state)
        if self.returns is None:
            self.returns = self._form_of(state, result, event)
        return output_and_state(self.cell, self.returns, result)

    def _form_of(self, state: State | None, result: object, event: Tensor) -> Returns:
        """The form of what the cell returned; what had to be tried is kept."""
        form = structure(result)
        known = _found_forms.get(self.cell, {}).get(form) if state is None else None
        if known is not None:
            return known
        found = result_form(self.cell, state, result, event)
        if state is None:
            _found_forms.setdefault(self.cell, {})[form] = found
        return found

    def sequence(
        self, x: Tensor, state: State | None, lengths: Tensor | None, resets: Tensor | None
    ) -> tuple[Tensor, State]:
        """The outputs [T, B, ...] and the last state; lengths [B] in 0..T, resets [T, B] of booleans."""
        if state is None:
            state = initial_state(self.cell, x.shape[1])
        steps = len(x)
        if lengths is not None and values_known(lengths):
            steps = int(lengths.max()) if len(lengths) else 0
        if steps == 0:
            return self._nothing(x, state)
        outputs = []
        if lengths is None and resets is None:
            for event in x.unbind(0):
                output, state = self.step(event, state)
                outputs.append(output)
        else:
            x_run, fresh, ended = _masked(x[:steps], lengths, resets)
            for event, fresh_now, ended_now in zip(x_run.unbind(0), fresh, ended, strict=True):
                output, after = self.step_after_reset(event, state, fresh_now)
                if ended_now is not None:
                    output = torch.where(_rows(ended_now, output), 0, output)
                    after = select(ended_now, self._known(state), after)
                outputs.append(output)
                state = after
        y = torch.stack(outputs)
        if steps < len(x):
            y = torch.cat((y, y.new_zeros(len(x) - steps, *y.shape[1:])))
        return y, self._known(state)

    def step_after_reset(
        self, event: Tensor, state: State | None, fresh: Tensor | None
    ) -> tuple[Tensor, State]:
        """Output and state of one event, where rows of the mask `fresh` [B] start from the initial state."""
        if fresh is None or state is None:
            return self.step(event, state)
        start = initial_state(self.cell, len(event))
        if start is not None:
            return self.step(event, select(fresh, start, state))
        # Only the cell itself knows its zero state: each row is taken from a step with or without a state.
        output, after = self.step(event, state)
        output_anew, after_anew = self.step(event, None)
        return torch.where(_rows(fresh, output), output_anew, output), select(fresh, after_anew, after)

    def _nothing(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        state = self._known(state)
        with torch.no_grad():  # one step on zeros, for the shape and type of an output
            output, _ = self.step(x.new_zeros(x.shape[1:]), state)
        return output.new_zeros(len(x), *output.shape), state

    def _known(self, state: State | None) -> State:
        if state is None:
            raise InputError(
                f"{type(self.cell).__name__} makes its own zero state inside its first step, so that a "
                "sequence of length 0 has no state to return: pass `state`, or give the cell a method "
                "`initial_state(batch)`"
            )
        return state


def _masked(
    x: Tensor, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, list[Tensor | None], list[Tensor | None]]:
    """The events, and for each step the rows [B] that start anew and those that ended; None for no row."""
    fresh: list[Tensor | None] = [None] * len(x)
    ended = fresh
    if resets is not None:
        fresh = _by_step(resets[: len(x)])
    if lengths is not None:
        past = padding_mask(len(x), lengths.to(x.device))  # [T, B]
        x = masked(x, past)  # padding may hold NaN: as zeros it cannot reach a gradient
        ended = _by_step(past)
    return x, fresh, ended


def _by_step(mask: Tensor) -> list[Tensor | None]:
    if not values_known(mask):
        return list(mask.unbind(0))
    # One transfer for all steps: asking each row would wait for the device each time.
    some = mask.any(1).tolist()
    return [row if present else None for row, present in zip(mask.unbind(0), some, strict=True)]


def _rows(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *(1,) * (like.dim() - 1))
