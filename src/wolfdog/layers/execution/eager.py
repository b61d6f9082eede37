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
    """Step-by-step runner of a cell; with `returns` None, the form of the result is inferred from the first one."""

    backend = "eager"

    def __init__(self, cell: nn.Module, returns: Returns | None) -> None:
        self.cell = cell
        self.returns = returns

    def step(self, event: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Output [B, ...] and state after one event.

        Args:
            event: The event, [B, ...].
            state: State before it; the cell's initial state where None.

        Returns:
            The output and the state.
        """
        if state is None:
            state = initial_state(self.cell, len(event))
        with vmappable():
            result = self.cell(event) if state is None else self.cell(event, state)
        if self.returns is None:
            self.returns = self._form_of(state, result, event)
        return output_and_state(self.cell, self.returns, result)

    def _form_of(self, state: State | None, result: object, event: Tensor) -> Returns:
        """Form of the cell's result; where it had to be determined by a trial step, it is stored."""
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
        """Outputs and last state over a sequence.

        Args:
            x: Events [T, B, ...].
            state: State before the sequence; the cell's initial state where None.
            lengths: [B] in 0..T, or None.
            resets: Booleans [T, B], or None.

        Returns:
            The outputs [T, B, ...] and the last state.
        """
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
        # Only the cell itself determines its initial state: each row is taken from a step with or without a state.
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
    """Events, and for each step the rows [B] that are reset and those that have ended; None for no row."""
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
    # One transfer for all steps: a transfer per step would synchronise with the device each time.
    some = mask.any(1).tolist()
    return [row if present else None for row, present in zip(mask.unbind(0), some, strict=True)]


def _rows(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *(1,) * (like.dim() - 1))
