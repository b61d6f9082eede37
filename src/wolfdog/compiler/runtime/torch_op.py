"""Custom operator of recurrences for torch.compile.

It equals the autograd function, with a fake rule for shapes. It is registered at first use, since that imports the
whole of torch.compile.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ..ir.printer import show
from ..ir.program import operations
from .recurrence import Recurrence, Saved

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
