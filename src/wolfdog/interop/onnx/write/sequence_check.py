"""A model's trace of one event, held against the model over a sequence of several."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ....compiler.ir.evaluate import evaluate
from ....errors import ONNXError
from .model import Model, Table
from .part import Part

Parts = Mapping[str, tuple[nn.Module, Part | Table]]
"""A model's layers and tables: the module and what it is written as, by name."""

STEPS, BATCH = 5, 3
"""Of the sequence that both are tried on."""

TOLERANCE = 1e-3
"""How far both may be apart, relative to the largest number: a thousandfold rounding."""


class Unread(Tensor):
    """Stands for what a layer remembers: a model may hand it on, and not look at it."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise ONNXError(
            "it computes with the memory that a layer has after the sequence: in the file memories are outputs; "
            "compute with what the layer puts out, event by event"
        )


def check_over_sequence(
    model: nn.Module, traced: Model, parts: Parts, calls: Sequence[str], about: str
) -> None:
    """Hold a model over a sequence against what its trace does with each event of it.

    Args:
        model: the model.
        traced: what it is to be written as.
        parts: its layers and tables.
        calls: the names of those that the trace called, in order.
        about: what to call the model in errors.

    Raises ONNXError unless both do the same.
    """
    like = torch.zeros(1, dtype=getattr(torch, traced.dtype.name))
    x = _events(traced, like.dtype)
    try:
        with torch.no_grad(), _watched(traced, parts) as seen:
            y = output_of(model(_laid_out(x, traced.batch_first)))
    except ONNXError as error:
        raise ONNXError(f"{about}: {error}") from error
    except Exception as error:  # the model's own, of any kind
        raise ONNXError(f"{about}: it fails, called with {STEPS} events: {error}") from error
    same = [name for name, _, _ in seen] == list(calls) and y.dim() > 1
    y = _laid_out(y, traced.batch_first) if same else y
    if same and y.shape[:2] == (STEPS, BATCH):
        put_out = {f"s{number}": rows.flatten(0, 1) for number, (_, _, rows) in enumerate(seen)}
        taken = {f"in{number}": rows.flatten(0, 1) for number, (_, rows, _) in enumerate(seen)}
        numbers = {name: torch.from_numpy(array) for name, array in traced.numbers.items()}
        found = evaluate(traced.program, {"x": x.flatten(0, 1), **put_out, **numbers}, like)
        wanted = {**taken, "y": y.flatten(0, 1)}
        if all(_near(value, wanted[name]) for name, value in found.items()):
            return
    raise ONNXError(
        f"{about}: what it does over a sequence is not what it does with each event: only layers may look at several "
        "events"
    )


def _events(traced: Model, dtype: torch.dtype) -> Tensor:
    """A sequence at random, [T, B, ...]."""
    draw = torch.Generator().manual_seed(0)
    if traced.looks_up:
        rows = min(len(part.rows) for _, part in traced.parts if isinstance(part, Table))
        return torch.randint(rows, (STEPS, BATCH), generator=draw)
    return torch.randn(STEPS, BATCH, *traced.event, generator=draw, dtype=dtype)


@contextmanager
def _watched(traced: Model, parts: Parts) -> Iterator[list[tuple[str, Tensor, Tensor]]]:
    """What parts take and put out while the model runs, [T, B, ...], call by call with their names."""
    seen: list[tuple[str, Tensor, Tensor]] = []

    def hook(name: str, part: Part | Table) -> Callable[..., None]:
        def called(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
            taken, *rest = [*args, *kwargs.values()]
            first = traced.batch_first
            y = result
            if isinstance(part, Part):
                _check_call(name, part, rest)
                first, y = part.batch_first, result[0]
            seen.append((name, _laid_out(taken, first), _laid_out(y, first)))

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
    """Time first from the batch first, and the other way round."""
    return x.transpose(0, 1) if batch_first else x


def _check_call(name: str, part: Part, rest: Sequence[Any]) -> None:
    """Raises ONNXError for a layer that is called with more than events and the memories that it starts from."""
    given = list(tensors_in(rest))
    starts = [torch.from_numpy(memory.start) for memory in part.memories()]
    if given or any(one is not None for one in rest):
        same = len(given) == len(starts) and all(
            bool((state == start).all()) for state, start in zip(given, starts, strict=True)
        )
        if not same:
            raise ONNXError(
                f"{name} is called with more than events and the memories that it starts from anyway"
            )


def tensors_in(given: Any) -> Iterator[Tensor]:
    """The tensors of a tuple, a list or a mapping, and of those in it."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list | dict):
        for one in given.values() if isinstance(given, dict) else given:
            yield from tensors_in(one)


def _near(found: Tensor, wanted: Tensor) -> bool:
    if found.shape != wanted.shape:
        return False
    scale = 1.0 + float(wanted.abs().max()) if wanted.numel() else 1.0
    return bool(((found - wanted).abs() <= TOLERANCE * scale).all())


def output_of(result: Any) -> Tensor:
    """What a model puts out: a tensor, or the first of a tuple whose others are memories.

    Raises ONNXError for anything else.
    """
    first = result[0] if isinstance(result, tuple | list) and result else result
    if not isinstance(first, Tensor) or isinstance(first, Unread):
        raise ONNXError(f"it gives {type(first).__name__}; expected a tensor, or a tensor and memories")
    return first
