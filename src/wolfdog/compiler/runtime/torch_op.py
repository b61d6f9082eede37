"""Autograd function of recurrences, and their custom operator for torch.compile.

The operator equals the function, with a fake rule for shapes. It is registered at first use, since that imports the
whole of torch.compile. PyTorch's operators compute second derivatives.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..backends.llvm.buffer_pool import copied
from ..batched import needs_operators, operator_gradients, readable, recorded
from ..ir.printer import show
from ..ir.program import operations
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


_known: "OrderedDict[int, Recurrence]" = OrderedDict()
RECURRENCES = 512
"""Recurrences that are kept for graphs, twice as many as plans; that used longest ago goes first."""


def _recurrence(number: int) -> Recurrence:
    """Recurrence with a number.

    Raises:
        InputError: It was let go. torch.compile remakes a graph in time, since a plan is let go before.
    """
    found = _known.get(int(number))
    if found is None:
        raise InputError(
            f"a graph calls a compiled recurrence that is kept no longer, after {RECURRENCES} others: compile the "
            "graph anew"
        )
    with suppress(KeyError):  # another thread may just have let it go
        _known.move_to_end(int(number))
    return found


def number_of(recurrence: Recurrence) -> int:
    """Number of a recurrence in graphs of torch.compile.

    It is a hash of the program: equal recurrences share it, and graphs that are cached on disk find theirs.
    """
    text = f"{recurrence.dtype} {recurrence.format.value}\n{show(recurrence.split.recurrence)}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    _known.setdefault(number, recurrence)
    _recurrence(number)  # used last
    while len(_known) > RECURRENCES:
        with suppress(KeyError):
            _known.popitem(last=False)
    return number


@cache
def operator() -> Any:
    """Custom operator wolfdog::recurrence, registered on first use."""

    @torch.library.custom_op("wolfdog::recurrence", mutates_args=(), device_types="cpu")
    def recurrence(
        number: int,
        steps: int,
        lengths: Tensor | None,
        events: Sequence[Tensor],
        parameters: Sequence[Tensor],
        states: Sequence[Tensor],
        save: bool,
    ) -> list[Tensor]:
        known = _recurrence(number)
        output, last, saved = known.forward(events, parameters, states, steps, lengths, save)
        kept = [] if saved is None else [saved.tensors[name] for name, _ in _saves(known)]
        return [_apart(tensor) for tensor in (output, *last)] + [
            _own(tensor, kept, output) for tensor in kept
        ]

    @recurrence.register_fake
    def _(number: Any, steps: Any, lengths: Any, events: Any, parameters: Any, states: Any, save: Any) -> Any:
        known = _recurrence(number)
        like = states[0] if states else events[0]
        batch = states[0].shape[0] if states else events[0].shape[1]
        shapes = [(steps, batch, *known.output_shape), *((batch, *known.shapes[n]) for n in known.states)]
        if save:
            shapes += [
                (steps + 1 if name in known.states else steps, batch, *shape) for name, shape in _saves(known)
            ]
        return [like.new_empty(shape) for shape in shapes]

    @torch.library.custom_op("wolfdog::recurrence_backward", mutates_args=(), device_types="cpu")
    def backward(
        number: int,
        steps: int,
        lengths: Tensor | None,
        events: Sequence[Tensor],
        parameters: Sequence[Tensor],
        saved: Sequence[Tensor],
        gradient: Tensor,
        last: Sequence[Tensor],
    ) -> list[Tensor]:
        known = _recurrence(number)
        names = [name for name, _ in _saves(known)]
        kept = dict(zip(names, saved, strict=True)) | _events_saved(known, events)
        parts = known.backward(
            Saved(kept, steps, gradient.shape[1]),
            parameters,
            gradient,
            last,
            lengths,
            ([True] * len(events), [True] * len(parameters)),
        )
        shapes = _gradient_shapes(known, steps, gradient.shape[1], parameters)
        flat = [tensor for part in parts for tensor in part]
        return [
            gradient.new_zeros(shape) if tensor is None else _apart(tensor.expand(shape))
            for tensor, shape in zip(flat, shapes, strict=True)
        ]

    @backward.register_fake
    def _(
        number: Any,
        steps: Any,
        lengths: Any,
        events: Any,
        parameters: Any,
        saved: Any,
        gradient: Any,
        last: Any,
    ) -> Any:
        shapes = _gradient_shapes(_recurrence(number), steps, gradient.shape[1], parameters)
        return [gradient.new_empty(shape) for shape in shapes]

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        number, steps, lengths, events, parameters, states, _ = inputs
        known = _recurrence(number)
        ctx.number, ctx.steps, ctx.sizes = number, steps, (len(events), len(parameters), len(states))
        ctx.has_lengths = lengths is not None
        # As other tensors: results that a hook keeps as they are would hold their own node, for ever.
        saved = [tensor.detach() for tensor in output[1 + len(known.states) :]]
        ctx.save_for_backward(*([lengths] if ctx.has_lengths else []), *events, *parameters, *saved)

    def differentiate(ctx: Any, gradients: Any) -> Any:
        tensors = list(ctx.saved_tensors)
        lengths = tensors.pop(0) if ctx.has_lengths else None
        first, second, states = ctx.sizes
        events, parameters = tensors[:first], tensors[first : first + second]
        saved = tensors[first + second :]
        found = torch.ops.wolfdog.recurrence_backward(
            ctx.number,
            ctx.steps,
            lengths,
            events,
            parameters,
            saved,
            gradients[0],
            list(gradients[1 : 1 + states]),
        )
        return None, None, None, found[:first], found[first : first + second], found[first + second :], None

    recurrence.register_autograd(differentiate, setup_context=setup)
    _count_operations()
    return recurrence


def _count_operations() -> None:
    """Register the numbers of floating-point operations with torch.utils.flop_counter."""
    from torch.utils.flop_counter import register_flop_formula

    def forward(
        number: int, steps: int, lengths: Any, events: Any, parameters: Any, states: Any, *_: Any, **__: Any
    ) -> int:
        batch = states[0][0] if states else events[0][1]
        return int(steps * batch * operations(_recurrence(number).split.recurrence))

    def backward(
        number: int,
        steps: int,
        lengths: Any,
        events: Any,
        parameters: Any,
        saved: Any,
        gradient: Any,
        *last: Any,
        **options: Any,
    ) -> int:
        known = _recurrence(number)
        adjoint = known.differentiated.backward
        shapes = {value.name: value.shape for value in known.split.recurrence.inputs("parameter")}
        each = operations(adjoint)
        for parameter, _, product, _ in known.differentiated.matrices:
            each += 2 * shapes[parameter][-2] * prod(adjoint.outputs[product].shape)
        return int(steps * gradient[1] * each)

    register_flop_formula(torch.ops.wolfdog.recurrence)(forward)
    register_flop_formula(torch.ops.wolfdog.recurrence_backward)(backward)


def _apart(tensor: Tensor) -> Tensor:
    """Contiguous copy, as the fake rules promise to the graph."""
    return tensor.clone(memory_format=torch.contiguous_format)


def _own(tensor: Tensor, kept: Sequence[Tensor], output: Tensor) -> Tensor:
    """Tensor that shares no memory with another result, as operators require."""
    storage = tensor.untyped_storage().data_ptr()
    sharing = sum(other.untyped_storage().data_ptr() == storage for other in (*kept, output))
    return _apart(tensor) if sharing > 1 else tensor.contiguous()


def _saves(known: Recurrence) -> list[tuple[str, tuple[int, ...]]]:
    """Names and feature shapes of saved tensors other than events."""
    forward = known.differentiated.forward
    names = [v.name for v in known.differentiated.backward.inputs("saved")]
    names += [stream.name for _, stream, _, _ in known.differentiated.matrices]
    shapes = {
        name: forward.outputs[name].shape for name in names if name in forward.outputs and name[0] == "k"
    }
    shapes |= {name: known.shapes[name] for name in known.taped}
    return sorted(shapes.items())


def _events_saved(known: Recurrence, events: Sequence[Tensor]) -> dict[str, Tensor]:
    return dict(zip(known.events, events, strict=True))


def _gradient_shapes(
    known: Recurrence, steps: int, batch: int, parameters: Sequence[Tensor]
) -> list[tuple[int, ...]]:
    return [
        *((steps, batch, *known.event_shapes[name]) for name in known.events),
        *(tuple(p.shape) for p in parameters),
        *((batch, *known.shapes[name]) for name in known.states),
    ]
