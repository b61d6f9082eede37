"""`export_onnx`: a layer as an ONNX file."""

import copy
from collections.abc import Sequence
from inspect import signature
from os import PathLike
from typing import Any, Literal, get_args

from torch import nn
from torch.nn.parameter import is_lazy

from ....errors import InputError, ONNXError
from .file import model_of, write_model
from .graph import Graph
from .level import lengths_of
from .model import Model
from .module import part_of
from .part import Part

Mode = Literal["sequence", "step"]


def export_onnx(
    layer: nn.Module,
    path: str | PathLike[str],
    mode: Mode = "sequence",
    *,
    states: bool = False,
    lengths: bool = False,
    input_size: int | Sequence[int] | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Write a layer, or a model with layers in it, as an ONNX file that gives the same numbers in any runtime.

    In sequence mode the file takes events `x`, laid out as the layer takes them, and gives outputs `y` and the
    memories after them (`stm_next`, `ltm_next`). Cells that ONNX has an operator for (LSTM, diagonal peepholes,
    GRU in both forms, Elman) become that operator; every other cell becomes a Scan over its traced step. In
    step mode the file takes one event `x` [B, ...] and the memories `stm`, `ltm` before it, and gives `y` and
    the memories after it. Sizes of time and batch are open.

    Of a model, everything is written: its layers as above, and what it does around them, which must be the same with
    every event, as encoders and heads do (it is traced on one event, and the model is run once to see whether that
    holds). `model(x)` gives y, or y and memories. Where it has several layers, a layer's name stands before those of
    its memories.

    Args:
        layer: a Recurrent layer of any cell that can be compiled, a Stack or Bidirectional of such layers, wolfdog's or
            torch.nn's LSTM, GRU or RNN, what `from_onnx` makes, or a model with such layers in it.
        path: the file, written whole or not at all.
        mode: "sequence", or "step" for one event at a time.
        states: in sequence mode, whether the memories before the sequence are inputs too; else they are the
            layer's own. In step mode they always are.
        lengths: in sequence mode, whether there is an input `lengths` [B] int64, as the layer's; a model must
            take `lengths` and hand them to its layers.
        input_size: of the events, where the cell has no attribute `input_size`, or the first module of a model that
            says a size is not the one that takes them; several sizes for events that are not vectors.
        classes: a name for each output, kept in the file's metadata as JSON.

    Raises InputError for contradicting options, and for sizes and names that do not fit the layer, ONNXError for a
    layer that cannot be written, or a file that cannot; MissingPackageError where the package onnx is not installed.

    >>> import tempfile, wolfdog as wd
    >>> path = f"{tempfile.mkdtemp()}/layer.onnx"
    >>> export_onnx(wd.Recurrent(wd.cells.FourGateLSTMCell(3, 5)), path, mode="step")
    """
    if mode not in get_args(Mode):
        raise InputError(f'export_onnx: mode must be "sequence" or "step"; got {mode!r}')
    if mode == "step" and lengths:
        raise InputError('export_onnx: a single step has no lengths: leave lengths out, or mode="step"')
    if not isinstance(layer, nn.Module):
        raise InputError(f"export_onnx: layer must be an nn.Module; got {layer!r}")
    event = None if input_size is None else _checked_event(input_size)
    _check_names(classes)
    part = part_of(_copied(layer), event)
    if event is not None and part.event != event:
        raise InputError(
            f"export_onnx: {type(layer).__name__} takes events of size {list(part.event)}; got input_size={input_size}"
        )
    if classes and len(classes) != part.output[-1]:
        raise InputError(f"export_onnx: {part.output[-1]} outputs need as many classes; got {len(classes)}")
    if lengths and isinstance(part, Model) and "lengths" not in signature(layer.forward).parameters:
        raise InputError(f"export_onnx: {type(layer).__name__} takes no lengths: leave lengths out")
    graph = Graph(part.dtype)
    if mode == "step":
        _write_step(graph, part)
    else:
        _write_sequence(graph, part, states, lengths)
    notes: dict[str, object] = {"mode": mode}
    if classes:
        notes["classes"] = list(classes)
    if (mode == "step" or states) and not all(memory.from_zeros for memory in part.memories()):
        notes["start"] = {memory.name: memory.start.tolist() for memory in part.memories()}
    about = f"{' '.join(repr(layer).split())}, as a {mode}, written by wolfdog"
    write_model(model_of(graph, type(layer).__name__, about, notes), path)


def _checked_event(input_size: int | Sequence[int]) -> tuple[int, ...]:
    """The shape of an event.

    Raises InputError unless it is whole numbers from 1 up.
    """
    sizes = (input_size,) if isinstance(input_size, int) else input_size
    if not isinstance(sizes, tuple | list) or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(
            f"export_onnx: input_size must be a whole number from 1 up, or several; got {input_size!r}"
        )
    return tuple(sizes)


def _check_names(classes: Sequence[str]) -> None:
    """Raises InputError unless these are names, each once."""
    named = isinstance(classes, tuple | list) and all(isinstance(name, str) for name in classes)
    if not named or len(set(classes)) != len(classes):
        raise InputError(f"export_onnx: classes must be names, each once; got {classes!r}")


def _copied(layer: nn.Module) -> nn.Module:
    """A copy that evaluates on the CPU.

    Raises ONNXError for a layer that has no numbers yet.
    """
    for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
        if is_lazy(tensor) or tensor.is_meta:
            raise ONNXError(
                f"{type(layer).__name__} cannot be written to ONNX: its {name} has no numbers yet: "
                + ("run it once" if is_lazy(tensor) else "make it on a device other than meta")
            )
    return copy.deepcopy(layer).cpu().eval()


def _write_step(graph: Graph, part: Part) -> None:
    x = graph.input("x", ["batch", *part.event], dtype=_kind(part))
    given = [graph.input(memory.name, memory.shape) for memory in part.memories()]
    y, after = part.step(graph, x, given)
    graph.output(y, "y", ["batch", *part.output])
    _state_outputs(graph, part, after)


def _write_sequence(graph: Graph, part: Part, states: bool, lengths: bool) -> None:
    lead = ["batch", "time"] if part.batch_first else ["time", "batch"]
    x = graph.input("x", [*lead, *part.event], dtype=_kind(part))
    counts = graph.input("lengths", ["batch"], dtype="int64") if lengths else None
    given = [graph.input(memory.name, memory.shape) for memory in part.memories()] if states else None
    if part.batch_first:
        x = _swapped(graph, x, len(part.event))
    ends = None if counts is None else lengths_of(graph, counts, x)
    y, after = part.sequence(graph, x, given, ends)
    if part.batch_first:
        y = _swapped(graph, y, len(part.output))
    graph.output(y, "y", [*lead, *part.output])
    _state_outputs(graph, part, after)


def _kind(part: Part) -> Any:
    """The format of events: whole numbers, where they are looked up in a table."""
    return "int64" if isinstance(part, Model) and part.looks_up else None


def _state_outputs(graph: Graph, part: Part, after: Sequence[str]) -> None:
    for memory, value in zip(part.memories(), after, strict=True):
        graph.output(value, f"{memory.name}_next", memory.shape)


def _swapped(graph: Graph, x: str, features: int) -> str:
    """Time before batch, or the other way round."""
    return graph("Transpose", x, perm=[1, 0, *range(2, 2 + features)])
