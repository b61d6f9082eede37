"""A model's own operations around its layers: traced on one event, and held against the model over a sequence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from ....compiler.errors import Refusal
from ....compiler.frontend.prologue import ParameterCode
from ....compiler.frontend.tracer import Tracer
from ....compiler.ir.evaluate import evaluate
from ....compiler.ir.printer import show
from ....compiler.ir.program import Program
from ....compiler.passes.hoist import prepare, split
from ....errors import ONNXError
from ....layers.execution.cell_cache import slots_of
from .bidirectional import Both
from .model import Model, Table
from .part import Part
from .sequence_check import Parts, Unread, check_over_sequence, output_of, tensors_in

BATCHES = (31, 37)
"""Sizes of batches that a model is traced with: primes, which few models have as a size of their own."""

Call = tuple[str, bool]
"""A layer's name, and whether the model turned time and batch round before it."""


def traced_model(
    model: nn.Module, parts: Parts, event: tuple[int, ...], dtype: torch.dtype, about: str
) -> Model:
    """A model as its parts and a program of what is around them.

    Args:
        model: the model, on the CPU, evaluating.
        parts: its layers and tables.
        event: the shape of an event.
        dtype: the format of its numbers.
        about: what to call it in errors.

    Raises ONNXError for a model that does more than its layers and, around them, the same with every event.
    """
    named = {name: held[key] for name, (held, key) in slots_of(model).items() if held[key] is not None}
    looks_up = any(isinstance(part, Table) for _, part in parts.values())
    example = torch.zeros(event, dtype=torch.long if looks_up else dtype)
    made = [_trace(model, parts, named, example.expand(n, *event).clone(), dtype, about) for n in BATCHES]
    program, code, calls = made[0]
    if show(program) != show(made[1][0]):
        raise ONNXError(f"{about}: it computes something from the size of the batch")
    called = [(name, parts[name][1], turned) for name, turned in calls]
    layouts = {part.batch_first ^ turned for _, part, turned in called if isinstance(part, Part)}
    if not layouts:
        raise ONNXError(f"{about}: it calls none of its layers")
    if len(layouts) != 1:
        raise ONNXError(f"{about}: some of its layers read time first, and some the batch: make them alike")
    pieces = split(prepare(program, hoist_events=False))
    values = code.run(named)
    numbers = {**values, **evaluate(pieces.parameters, values, torch.zeros(1, dtype=dtype))}
    traced = Model(
        _once_each([(name, part) for name, part, _ in called]),
        pieces.recurrence,
        {name: value.detach().numpy() for name, value in numbers.items()},
        event,
        np.dtype(str(dtype).removeprefix("torch.")),
        layouts.pop(),
    )
    check_over_sequence(model, traced, parts, [name for name, _ in calls], about)
    return traced


def _once_each(called: Sequence[tuple[str, Part | Table]]) -> tuple[tuple[str, Part | Table], ...]:
    """Parts by names that are each there once: a layer may be called twice, and then has two memories."""
    counts: dict[str, int] = {}
    named = []
    for name, part in called:
        counts[name] = counts.get(name, 0) + 1
        named.append((name if counts[name] == 1 else f"{name}_{counts[name]}", part))
    return tuple(named)


def _trace(
    model: nn.Module,
    parts: Parts,
    named: Mapping[str, Tensor],
    x: Tensor,
    dtype: torch.dtype,
    about: str,
) -> tuple[Program, ParameterCode, list[Call]]:
    """The program of a model for one event of a batch, x [n, ...], which it sees as [n, 1, ...]."""
    batch = len(x)
    tracer = Tracer(named, batch, dtype)
    calls: list[Call] = []
    outputs = {}
    seen = x.unsqueeze(1)

    def stand_in(name: str, part: Part | Table) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            taken = [*args, *kwargs.values()][0]
            turned = isinstance(taken, Tensor) and taken.shape[:2] == (1, batch)
            if isinstance(part, Table):
                if taken is not seen:
                    raise ONNXError(f"{name} looks up something else than the events as they come")
            elif not isinstance(taken, Tensor) or not (turned or taken.shape[:2] == (batch, 1)):
                raise ONNXError(f"{name} takes something else than an output for each event")
            else:
                outputs[f"in{len(calls)}"] = tracer.value_of(taken.squeeze(0 if turned else 1))
            with _disable_current_modes():
                y = torch.zeros(batch, *part.output, dtype=dtype)
            tracer.give(y, f"s{len(calls)}", "state")
            calls.append((name, turned))
            y = y.unsqueeze(0 if turned else 1)
            return y if isinstance(part, Table) else (y, _unread(part))

        return forward

    autocast = torch.autocast("cpu", enabled=False)
    stand_ins = {module: stand_in(name, part) for name, (module, part) in parts.items()}
    try:
        with _replaced(stand_ins), torch.no_grad(), autocast, tracer:
            if x.is_floating_point():
                tracer.give(x, "x", "event")
                seen = x.unsqueeze(1)
            result = model(seen)
            y = output_of(result)
            if any(not isinstance(one, Unread) and one is not y for one in tensors_in(result)):
                raise ONNXError("it gives more than one output: return the one that the file is to give")
            if y.shape[:2] not in ((batch, 1), (1, batch)):
                raise ONNXError(f"it does not give an output for each event, but {list(y.shape[1:])} for all")
            outputs["y"] = tracer.value_of(y.squeeze(0 if y.shape[0] == 1 else 1))
    except (Refusal, ONNXError) as error:
        raise ONNXError(f"{about}: {error}") from error
    except Exception as error:  # the model's own, of any kind
        raise ONNXError(
            f"{about}: it fails, called with events of size {list(x.shape[1:])}: {error}"
        ) from error
    return Program(outputs), tracer.code.finished(), calls


def _unread(part: Part) -> Any:
    """What stands for the memories of a layer, in their form."""
    inner = (
        (part.forwards, part.backwards)
        if isinstance(part, Both)
        else [p for _, p in part.layers]
        if isinstance(part, Model)
        else None
    )
    if inner is not None:
        return tuple(_unread(one) for one in inner)
    with _disable_current_modes():
        made = tuple(torch.empty(0).as_subclass(Unread) for _ in part.memories())
    return made[0] if len(made) == 1 else made


@contextmanager
def _replaced(forwards: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Modules with other functions in the place of their forward."""
    for module, forward in forwards.items():
        module.forward = forward
    try:
        yield
    finally:
        for module in forwards:
            del module.__dict__["forward"]
