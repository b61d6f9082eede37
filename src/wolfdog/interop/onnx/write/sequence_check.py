"""Check of a model's trace on one event against the model over a sequence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ....compiler.ir.evaluate import evaluate
from ....errors import ONNXError
from .model import EmbeddingTable, ModelPart
from .part import Part

Parts = Mapping[str, tuple[nn.Module, Part | EmbeddingTable]]
"""Layers and tables of a model by name: the module and its exported form."""

STEPS, BATCH = 5, 3
"""Sizes of the test sequence."""

TOLERANCE = 1e-3
"""Maximum difference relative to the largest number, about a thousand times the rounding error."""


class OpaqueState(Tensor):
    """Placeholder for a layer's state, which a model may pass on but not compute with."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise ONNXError(
            "it computes with a layer's state after the sequence, but in the file states are outputs: "
            "compute with the layer's outputs, event by event"
        )


def check_over_sequence(
    model: nn.Module, traced: ModelPart, parts: Parts, calls: Sequence[str], about: str
) -> None:
    """Check that a model over a sequence equals its trace applied to each event.

    Args:
        model: The model.
        traced: Its exported form.
        parts: Its layers and tables.
        calls: Names of the parts that the trace called, in order.
        about: Prefix of error messages.

    Raises:
        ONNXError: They differ.
    """
    like = torch.zeros(1, dtype=getattr(torch, traced.dtype.name))
    x = _events(traced, like.dtype)
    try:
        with torch.no_grad(), _recorded_calls(traced, parts) as seen:
            y = output_of(model(_laid_out(x, traced.batch_first)))
    except ONNXError as error:
        raise ONNXError(f"{about}: {error}") from error
    except Exception as error:  # the model's own, of any kind
        raise ONNXError(f"{about}: it fails with {STEPS} events: {error}") from error
    same = [name for name, _, _ in seen] == list(calls) and y.dim() > 1
    y = _laid_out(y, traced.batch_first) if same else y
    if same and y.shape[:2] == (STEPS, BATCH):
        outputs = {f"s{number}": rows.flatten(0, 1) for number, (_, _, rows) in enumerate(seen)}
        inputs = {f"in{number}": rows.flatten(0, 1) for number, (_, rows, _) in enumerate(seen)}
        numbers = {name: torch.from_numpy(array) for name, array in traced.numbers.items()}
        found = evaluate(traced.program, {"x": x.flatten(0, 1), **outputs, **numbers}, like)
        expected = {**inputs, "y": y.flatten(0, 1)}
        if all(_near(value, expected[name]) for name, value in found.items()):
            return
    raise ONNXError(
        f"{about}: over a sequence it does not do the same with each event: only layers may combine several "
        "events"
    )


def _events(traced: ModelPart, dtype: torch.dtype) -> Tensor:
    """Random sequence [T, B, ...]."""
    draw = torch.Generator().manual_seed(0)
    if traced.looks_up:
        rows = min(len(part.rows) for _, part in traced.parts if isinstance(part, EmbeddingTable))
        return torch.randint(rows, (STEPS, BATCH), generator=draw)
    return torch.randn(STEPS, BATCH, *traced.event, generator=draw, dtype=dtype)


@contextmanager
def _recorded_calls(traced: ModelPart, parts: Parts) -> Iterator[list[tuple[str, Tensor, Tensor]]]:
    """Context that records the inputs and outputs [T, B, ...] of parts while the model runs, with their names."""
    seen: list[tuple[str, Tensor, Tensor]] = []

    def hook(name: str, part: Part | EmbeddingTable) -> Callable[..., None]:
        def called(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
            argument, *rest = [*args, *kwargs.values()]
            first = traced.batch_first
            y = result
            if isinstance(part, Part):
                _check_call(name, part, rest)
                first, y = part.batch_first, result[0]
            seen.append((name, _laid_out(argument, first), _laid_out(y, first)))

        return called

    handles = [
        module.register_forward_hook(hook(name, part), with_kwargs=True)
        for name, (module, part) in parts.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _laid_out(x: Tensor, batch_first: bool) -> Tensor:
    """Tensor with time and batch exchanged if `batch_first`."""
    return x.transpose(0, 1) if batch_first else x


def _check_call(name: str, part: Part, rest: Sequence[Any]) -> None:
    """Check of the arguments of a layer's call.

    Raises:
        ONNXError: They are more than events and the layer's initial state.
    """
    given = list(tensors_in(rest))
    starts = [torch.from_numpy(memory.start) for memory in part.state_inputs()]
    if given or any(one is not None for one in rest):
        same = len(given) == len(starts) and all(
            bool((state == start).all()) for state, start in zip(given, starts, strict=True)
        )
        if not same:
            raise ONNXError(f"{name} is called with more than events and its own initial states")


def tensors_in(given: Any) -> Iterator[Tensor]:
    """Tensors in nested tuples, lists and mappings."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list | dict):
        for one in given.values() if isinstance(given, dict) else given:
            yield from tensors_in(one)


def _near(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    scale = 1.0 + float(expected.abs().max()) if expected.numel() else 1.0
    return bool(((found - expected).abs() <= TOLERANCE * scale).all())


def output_of(result: Any) -> Tensor:
    """Output of a model: a tensor, or the first element of a tuple whose others are states.

    Raises:
        ONNXError: The result is anything else.
    """
    first = result[0] if isinstance(result, tuple | list) and result else result
    if not isinstance(first, Tensor) or isinstance(first, OpaqueState):
        raise ONNXError(f"it returns {type(first).__name__}; expected a tensor, or a tensor and states")
    return first
