"""Tracing of a model's operations around its layers."""

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
from .bidirectional import BidirectionalPart
from .model import EmbeddingTable, ModelPart
from .part import Part
from .sequence_check import OpaqueState, Parts, check_over_sequence, output_of, tensors_in

TRACE_BATCHES = (31, 37)
"""Batch sizes of the two traces: primes, which are rarely sizes of a model's tensors."""

Call = tuple[str, bool]
"""A layer's name, and whether the model exchanged time and batch before calling it."""


def traced_model(
    model: nn.Module, parts: Parts, event: tuple[int, ...], dtype: torch.dtype, about: str
) -> ModelPart:
    """Exported form of a model: its parts, and a program of the operations around them.

    Args:
        model: The model, on the CPU in eval mode.
        parts: Its layers and tables.
        event: Shape of an event.
        dtype: Type of its numbers.
        about: Prefix of error messages.

    Raises:
        ONNXError: The operations around the layers are not the same for every event.
    """
    named = {name: held[key] for name, (held, key) in slots_of(model).items() if held[key] is not None}
    looks_up = any(isinstance(part, EmbeddingTable) for _, part in parts.values())
    example = torch.zeros(event, dtype=torch.long if looks_up else dtype)
    made = [
        _trace(model, parts, named, example.expand(n, *event).clone(), dtype, about) for n in TRACE_BATCHES
    ]
    program, code, calls = made[0]
    if show(program) != show(made[1][0]):
        raise ONNXError(f"{about}: its computation depends on the size of the batch")
    called = [(name, parts[name][1], swapped) for name, swapped in calls]
    layouts = {part.batch_first ^ swapped for _, part, swapped in called if isinstance(part, Part)}
    if not layouts:
        raise ONNXError(f"{about}: it calls none of its layers")
    if len(layouts) != 1:
        raise ONNXError(f"{about}: its layers have different layouts, time first and batch first: use one")
    pieces = split(prepare(program, hoist_events=False))
    values = code.run(named)
    numbers = {**values, **evaluate(pieces.parameters, values, torch.zeros(1, dtype=dtype))}
    traced = ModelPart(
        _once_each([(name, part) for name, part, _ in called]),
        pieces.recurrence,
        {name: value.detach().numpy() for name, value in numbers.items()},
        event,
        np.dtype(str(dtype).removeprefix("torch.")),
        layouts.pop(),
    )
    check_over_sequence(model, traced, parts, [name for name, _ in calls], about)
    return traced


def _once_each(
    called: Sequence[tuple[str, Part | EmbeddingTable]],
) -> tuple[tuple[str, Part | EmbeddingTable], ...]:
    """Parts under unique names; a layer called twice has two states."""
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
    """Program of a model for one event of a batch, x [n, ...], which the model receives as [n, 1, ...]."""
    batch = len(x)
    tracer = Tracer(named, batch, dtype)
    calls: list[Call] = []
    outputs = {}
    seen = x.unsqueeze(1)

    def stand_in(name: str, part: Part | EmbeddingTable) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            argument = [*args, *kwargs.values()][0]
            swapped = isinstance(argument, Tensor) and argument.shape[:2] == (1, batch)
            if isinstance(part, EmbeddingTable):
                if argument is not seen:
                    raise ONNXError(f"{name} looks up something other than the unchanged events")
            elif not isinstance(argument, Tensor) or not (swapped or argument.shape[:2] == (batch, 1)):
                raise ONNXError(f"{name} takes something other than one value for each event")
            else:
                outputs[f"in{len(calls)}"] = tracer.value_of(argument.squeeze(0 if swapped else 1))
            with _disable_current_modes():
                y = torch.zeros(batch, *part.output, dtype=dtype)
            tracer.give(y, f"s{len(calls)}", "state")
            calls.append((name, swapped))
            y = y.unsqueeze(0 if swapped else 1)
            return y if isinstance(part, EmbeddingTable) else (y, _opaque_states(part))

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
            if any(not isinstance(one, OpaqueState) and one is not y for one in tensors_in(result)):
                raise ONNXError("it returns several outputs: return only the one for the file")
            if y.shape[:2] not in ((batch, 1), (1, batch)):
                raise ONNXError(
                    f"it does not return an output for each event, but {list(y.shape[1:])} for all"
                )
            outputs["y"] = tracer.value_of(y.squeeze(0 if y.shape[0] == 1 else 1))
    except (Refusal, ONNXError) as error:
        raise ONNXError(f"{about}: {error}") from error
    except Exception as error:  # the model's own, of any kind
        raise ONNXError(f"{about}: it fails with events of size {list(x.shape[1:])}: {error}") from error
    return Program(outputs), tracer.code.finished(), calls


def _opaque_states(part: Part) -> Any:
    """Placeholders for a layer's states, in their structure."""
    inner = (
        (part.forwards, part.backwards)
        if isinstance(part, BidirectionalPart)
        else [p for _, p in part.layers]
        if isinstance(part, ModelPart)
        else None
    )
    if inner is not None:
        return tuple(_opaque_states(one) for one in inner)
    with _disable_current_modes():
        made = tuple(torch.empty(0).as_subclass(OpaqueState) for _ in part.state_inputs())
    return made[0] if len(made) == 1 else made


@contextmanager
def _replaced(forwards: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Context in which modules have other `forward` functions."""
    for module, forward in forwards.items():
        module.forward = forward
    try:
        yield
    finally:
        for module in forwards:
            del module.__dict__["forward"]
