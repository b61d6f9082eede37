"""Export of layers and models as ONNX files."""

import copy
from collections.abc import Sequence
from inspect import signature
from os import PathLike
from typing import Any, Literal, get_args

from torch import nn
from torch.nn.parameter import is_lazy

from ....errors import InputError, ONNXError
from ....layers.cell.int8_weight import int8_weights
from .file import model_of, write_model
from .graph import Graph
from .level import lengths_of
from .model import ModelPart
from .module import part_of
from .part import Part

Mode = Literal["sequence", "step"]


def export_onnx(
    layer: nn.Module,
    path: str | PathLike[str],
    *,
    mode: Mode = "sequence",
    states: bool = False,
    lengths: bool = False,
    input_size: int | Sequence[int] | None = None,
    classes: Sequence[str] = (),
) -> None:
    """Write a layer, or a model that contains layers, as an ONNX file that gives the same numbers in any runtime.

    In sequence mode, the file's inputs are events `x` in the layer's layout, and its outputs are `y` and the final
    states (`stm_next`, `ltm_next`). Weights of a quantized layer are stored as int8, followed by DequantizeLinear.
    Cells with an ONNX operator (LSTM, diagonal peepholes, both forms of GRU, Elman)
    become that operator; other cells become a Scan over the traced step. In step mode, the inputs are one event `x` [B,
    ...] and the states `stm`, `ltm`, and the outputs `y` and the next states. The sizes of time and batch are dynamic.

    All of a model is written: its layers as above, and the operations around them, which must be the same for every
    event, as those of encoders and heads are. They are traced on one event, and the model is run once on a sequence to
    check this. `model(x)` must return y, or y and states. With several layers, a layer's name precedes the names of its
    states.

    Args:
        layer: A Recurrent layer of any cell that can be compiled, a Stack or Bidirectional of such layers, wolfdog's or
            torch.nn's LSTM, GRU or RNN, a result of `from_onnx`, or a model that contains such layers.
        path: The file, written atomically.
        mode: "sequence", or "step" for one event at a time.
        states: In sequence mode, whether the initial states are inputs; else they are the layer's own. In step mode
            they always are inputs.
        lengths: In sequence mode, whether there is an input `lengths` [B] int64; a model must take `lengths` and pass
            it to its layers.
        input_size: Shape of an event, if the cell has no attribute `input_size`, or if the first module of a model that
            has one does not read the events.
        classes: Names of the outputs, stored in the file's metadata as JSON.

    Raises:
        InputError: Options contradict each other, or sizes or names do not fit the layer.
        ONNXError: The layer or the file cannot be written.
        MissingPackageError: The package onnx is not installed.

    Examples:
        >>> import tempfile, wolfdog as wd
        >>> path = f"{tempfile.mkdtemp()}/layer.onnx"
        >>> export_onnx(wd.Recurrent(wd.cells.FourGateLSTMCell(3, 5)), path, mode="step")
    """
    if mode not in get_args(Mode):
        raise InputError(f'export_onnx: mode must be "sequence" or "step"; got {mode!r}')
    if mode == "step" and lengths:
        raise InputError('export_onnx: a single step has no lengths: leave out lengths, or mode="step"')
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
        raise InputError(f"export_onnx: there are {part.output[-1]} outputs; got {len(classes)} classes")
    if lengths and isinstance(part, ModelPart) and "lengths" not in signature(layer.forward).parameters:
        raise InputError(f"export_onnx: {type(layer).__name__} takes no lengths: leave out lengths")
    graph = Graph(part.dtype, int8=any(map(int8_weights, layer.modules())))
    if mode == "step":
        _write_step(graph, part)
    else:
        _write_sequence(graph, part, states, lengths)
    notes: dict[str, object] = {"mode": mode}
    if classes:
        notes["classes"] = list(classes)
    if (mode == "step" or states) and not all(memory.from_zeros for memory in part.state_inputs()):
        notes["start"] = {memory.name: memory.start.tolist() for memory in part.state_inputs()}
    about = f"{' '.join(repr(layer).split())}, as a {mode}, written by wolfdog"
    write_model(model_of(graph, type(layer).__name__, about, notes), path)


def _checked_event(input_size: int | Sequence[int]) -> tuple[int, ...]:
    """Shape of an event.

    Raises:
        InputError: It is not made of positive integers.
    """
    sizes = (input_size,) if isinstance(input_size, int) else input_size
    if not isinstance(sizes, tuple | list) or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(
            f"export_onnx: input_size must be one or more positive whole numbers; got {input_size!r}"
        )
    return tuple(sizes)


def _check_names(classes: Sequence[str]) -> None:
    """Check of class names.

    Raises:
        InputError: They are not distinct strings.
    """
    named = isinstance(classes, tuple | list) and all(isinstance(name, str) for name in classes)
    if not named or len(set(classes)) != len(classes):
        raise InputError(f"export_onnx: classes must be distinct names; got {classes!r}")


def _copied(layer: nn.Module) -> nn.Module:
    """Copy of a layer on the CPU in eval mode.

    Raises:
        ONNXError: Some parameter has no data.
    """
    for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
        if is_lazy(tensor) or tensor.is_meta:
            raise ONNXError(
                f"{type(layer).__name__} cannot be written to ONNX: its {name} has no data: "
                + ("call it once" if is_lazy(tensor) else "create it on a device other than meta")
            )
    return copy.deepcopy(layer).cpu().eval()


def _write_step(graph: Graph, part: Part) -> None:
    x = graph.input("x", ["batch", *part.event], dtype=_kind(part))
    given = [graph.input(memory.name, memory.shape) for memory in part.state_inputs()]
    y, after = part.step(graph, x, given)
    graph.output(y, "y", ["batch", *part.output])
    _state_outputs(graph, part, after)


def _write_sequence(graph: Graph, part: Part, states: bool, lengths: bool) -> None:
    lead = ["batch", "time"] if part.batch_first else ["time", "batch"]
    x = graph.input("x", [*lead, *part.event], dtype=_kind(part))
    counts = graph.input("lengths", ["batch"], dtype="int64") if lengths else None
    given = [graph.input(memory.name, memory.shape) for memory in part.state_inputs()] if states else None
    if part.batch_first:
        x = _swapped(graph, x, len(part.event))
    ends = None if counts is None else lengths_of(graph, counts, x)
    y, after = part.sequence(graph, x, given, ends)
    if part.batch_first:
        y = _swapped(graph, y, len(part.output))
    graph.output(y, "y", [*lead, *part.output])
    _state_outputs(graph, part, after)


def _kind(part: Part) -> Any:
    """Type of events: integers for models with an embedding table."""
    return "int64" if isinstance(part, ModelPart) and part.looks_up else None


def _state_outputs(graph: Graph, part: Part, after: Sequence[str]) -> None:
    for memory, value in zip(part.state_inputs(), after, strict=True):
        graph.output(value, f"{memory.name}_next", memory.shape)


def _swapped(graph: Graph, x: str, features: int) -> str:
    """Tensor with time and batch exchanged."""
    return graph("Transpose", x, perm=[1, 0, *range(2, 2 + features)])
