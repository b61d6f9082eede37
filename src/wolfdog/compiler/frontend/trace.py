"""Tracing of one step: the cell runs on a small batch of zeros under a dispatch mode."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import Refusal
from ..ir.printer import show
from ..ir.program import Program
from .custom_gradients import Step as Step
from .custom_gradients import check_gradients
from .prologue import ParameterCode
from .streams import Draw, Lookup
from .tracer import Tracer


@dataclass(frozen=True)
class Traced:
    """Traced step: a program over the event "x", the states "s0", "s1", ... and values of the parameters.

    Its outputs are "y" and the next states "s0", "s1", ... It reads the results of `lookups` and `draws` as events.
    """

    program: Program
    parameters: ParameterCode
    lookups: tuple[Lookup, ...] = ()
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Names of tensors with a row for each example, and a context that replaces them by others."""

    names: Sequence[str] = ()
    stand_in: Callable[[Mapping[str, Tensor]], AbstractContextManager[None]] = lambda _: nullcontext()


NO_ROWS = Rows()


@torch.inference_mode(False)  # in which operations would come whole, not as what they are made of
def trace(
    step: Step,
    named: Mapping[str, Tensor],
    event: Tensor,
    states: Sequence[Tensor],
    rows: Rows = NO_ROWS,
) -> Traced:
    """Traced program of one step of a cell.

    Args:
        step: Event and states to output and next states.
        named: Every tensor that the step may use besides, by name: parameters, buffers, attributes.
        event: An event `[B, ...]`, of which only shape, dtype and device count.
        states: The states, likewise.
        rows: Which of `named` have a row for each example; they are inputs "a0", "a1", ... of the program.

    Raises:
        Refusal: Where the step cannot be expressed as a program.
    """
    each = {name: named[name] for name in rows.names}
    others = {name: tensor for name, tensor in named.items() if name not in each}
    batched = [event, *states, *each.values()]
    taken = {n for tensor in [*others.values(), *(t[:1] for t in batched)] for n in tensor.shape}
    # large primes: few cells have axes of such a size, which would be taken for the batch
    first, second = [p for p in (31, 37, 41, 43, 47, 53, 59, 61, 67, 71) if p not in taken][:2]
    traced = _trace(step, others, event, states, rows, each, first)
    again = _trace(step, others, event, states, rows, each, second)
    if _text(traced) != _text(again):
        raise Refusal("the step computes something from the size of the batch")
    small = _examples(batched, 2)
    count = len(states) + 1
    with rows.stand_in(dict(zip(each, small[count:], strict=True))):
        check_gradients(step, small[0], small[1:count])
    return traced


def _text(traced: Traced) -> tuple[object, ...]:
    """Everything that a step is, to compare two traces of it."""
    looked_up = [(each.table, each.embedding, show(each.indices)) for each in traced.lookups]
    return show(traced.program), traced.parameters.source(), looked_up, traced.draws


def _examples(tensors: Sequence[Tensor], batch: int) -> list[Tensor]:
    return [torch.zeros((batch, *t.shape[1:]), dtype=t.dtype, device=t.device) for t in tensors]


def _trace(
    step: Step,
    named: Mapping[str, Tensor],
    event: Tensor,
    states: Sequence[Tensor],
    rows: Rows,
    given: Mapping[str, Tensor],
    batch: int,
) -> Traced:
    held = (event, *states, *named.values())
    dtype = next(t.dtype for t in held if t.is_floating_point())
    x, *before = _examples([event, *states], batch)
    each = dict(zip(given, _examples(list(given.values()), batch), strict=True))
    tracer = Tracer(named, batch, dtype)
    tracer.give(x, "x", "event")
    for number, row in enumerate(each.values()):
        tracer.give(row, f"a{number}", "event")
    for number, state in enumerate(before):
        tracer.give(state, f"s{number}", "state")
    autocast = torch.autocast(event.device.type, enabled=False)
    try:
        with rows.stand_in(each), torch.no_grad(), autocast, tracer:
            y, after = step(x, before)
        outputs = {"y": tracer.value_of(y)}
        for number, (state, old) in enumerate(zip(after, before, strict=True)):
            if state.shape != old.shape or state.dtype != old.dtype:
                raise Refusal(f"state {number} changes from {_kind(old)} to {_kind(state)} in a step")
            outputs[f"s{number}"] = tracer.value_of(state)
        return Traced(Program(outputs), tracer.code.finished(), tuple(tracer.lookups), tuple(tracer.draws))
    finally:
        tracer.aliases.clear()


def _kind(tensor: Tensor) -> str:
    return f"[B{''.join(f', {n}' for n in tensor.shape[1:])}] of {tensor.dtype}"
