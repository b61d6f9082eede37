"""Autograd function of recurrences. PyTorch's operators compute second derivatives."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ..backends.llvm.buffer_pool import copied
from ..batched import needs_operators, operator_gradients, readable, recorded
from ..saved_tensors import as_saved
from .affine import AffineEvents, Events, computed
from .conversion import converted
from .recurrence import Recurrence, Saved


class RecurrenceFunction(torch.autograd.Function):
    """Autograd function apply(recurrence, steps, lengths, outer, deferred, *tensors).

    The tensors are the events, the parameters and the states. In the place of an event stream for which `deferred` is
    true, there are the three of `AffineEvents`. Results are the output and the last states, in the format `outer`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        recurrence: Recurrence,
        steps: int,
        lengths: Tensor | None,
        outer: torch.dtype,
        deferred: tuple[bool, ...],
        *tensors: Tensor,
    ) -> Any:
        """Run the forward kernel and save tensors for the backward pass."""
        events, parameters, states = _parts(recurrence, deferred, tensors)
        output, last, saved = recurrence.forward(
            computed(events), parameters, states, steps, lengths, save=True
        )
        assert saved is not None
        ctx.set_materialize_grads(False)  # gradients of results that nothing used are None, not zeros
        ctx.recurrence, ctx.steps, ctx.outer, ctx.deferred = recurrence, steps, outer, deferred
        ctx.names, ctx.lengths = list(saved.tensors), lengths
        ctx.save_for_backward(*tensors, *saved.tensors.values())
        ctx.count, ctx.batch = len(tensors), saved.batch
        ctx.forms = recurrence.saved_forms.of((*tensors, *saved.tensors.values()))
        if outer is not recurrence.dtype:
            return tuple(converted(tensor, outer) for tensor in (output, *last))
        # Outputs that share memory with saved tensors are copied: users may write into outputs.
        return tuple(copied(tensor) if tensor._is_view() else tensor for tensor in (output, *last))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *arriving: Tensor | None) -> Any:
        """Run the backward kernel."""
        last: Sequence[Tensor | None] = arriving
        recurrence: Recurrence = ctx.recurrence
        # Accessed once: hooks may recompute it, as those of torch.utils.checkpoint.
        everything, unchanged = as_saved(ctx.saved_tensors, ctx.forms)
        tensors, saved = everything[: ctx.count], everything[ctx.count :]
        if needs_operators((gradient, *last)) or not (unchanged or readable(everything)):

            def eager(*given: Tensor) -> list[Tensor]:
                events, parameters, states = _parts(recurrence, ctx.deferred, given)
                output, after = recurrence.eager(computed(events), parameters, states, ctx.steps, ctx.lengths)
                return [result.to(ctx.outer) for result in (output, *after)]

            return (None, None, None, None, None, *operator_gradients(eager, tensors, (gradient, *last)))
        events, parameters, _ = _parts(recurrence, ctx.deferred, tensors)
        kept = Saved(dict(zip(ctx.names, saved, strict=True)), ctx.steps, ctx.batch)
        to_events, to_parameters, _ = _parts(recurrence, ctx.deferred, ctx.needs_input_grad[5:])
        wanted = [any(want) if isinstance(want, AffineEvents) else want for want in to_events], to_parameters
        with torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext():
            if ctx.outer is not recurrence.dtype:
                gradient, *last = (
                    None if g is None else converted(g, recurrence.dtype) for g in (gradient, *last)
                )
            of_events, *others = recurrence.backward(kept, parameters, gradient, last, ctx.lengths, wanted)
            found: list[Tensor | None] = []
            for event, to_event, of_event in zip(events, to_events, of_events, strict=True):
                deferred = isinstance(event, AffineEvents)
                found += event.gradients(of_event, to_event) if deferred else (of_event,)
        return (None, None, None, None, None, *found, *(gradient for part in others for gradient in part))


def _parts(
    recurrence: Recurrence, deferred: Sequence[bool], tensors: Sequence[Any]
) -> tuple[list[Any], Sequence[Any], Sequence[Any]]:
    """Sequence of all arguments, split into events, parameters and states."""
    events: list[Any] = []
    first = 0
    for three in deferred:
        events.append(AffineEvents(*tensors[first : first + 3]) if three else tensors[first])
        first += 3 if three else 1
    second = first + len(recurrence.parameters)
    return events, tensors[first:second], tensors[second:]


def run(
    recurrence: Recurrence,
    events: Sequence[Events],
    parameters: Sequence[Tensor],
    states: Sequence[Tensor],
    steps: int,
    lengths: Tensor | None,
    outer: torch.dtype,
) -> tuple[Tensor, list[Tensor]]:
    """Outputs [T, B, ...] and last states of a recurrence, in the format `outer`, under autograd."""
    deferred = tuple(isinstance(event, AffineEvents) for event in events)
    given = [
        tensor for event in events for tensor in (event if isinstance(event, AffineEvents) else (event,))
    ]
    tensors = [*given, *parameters, *states]
    if overheard():  # as where segments between checkpoints run again
        output, last = recurrence.eager(computed(events), parameters, states, steps, lengths)
    elif recorded(tensors):
        output, *last = RecurrenceFunction.apply(recurrence, steps, lengths, outer, deferred, *tensors)
        return output, last
    else:
        output, last, _ = recurrence.forward(computed(events), parameters, states, steps, lengths, save=False)
    if outer is recurrence.dtype:
        return output, last
    return converted(output, outer), [converted(state, outer) for state in last]


def overheard() -> bool:
    """Whether a dispatch mode has to see PyTorch's operators."""
    return torch._C._len_torch_dispatch_stack() > 0
