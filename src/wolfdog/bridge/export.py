"""`export_onnx`: a layer as an ONNX file."""

import copy
from collections.abc import Sequence
from os import PathLike
from typing import Literal, get_args

from torch import nn

from ..errors import InputError
from .file import model_of, write_model
from .form import Form, form_of
from .graph import Graph
from .level import lengths_of

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
    """Write a layer as an ONNX file, with its weights, which gives the layer's numbers in any runtime.

    In sequence mode the file takes events `x`, laid out as the layer takes them, and gives outputs `y` and the
    memories after them (`stm_next`, `ltm_next`). Cells that ONNX has an operator for (LSTM, diagonal peepholes,
    GRU in both forms, Elman) become that operator; every other cell becomes a Scan over its traced step. In
    step mode the file takes one event `x` [B, ...] and the memories `stm`, `ltm` before it, and gives `y` and
    the memories after it. Sizes of time and batch are open.

    Args:
        layer: a Recurrent layer of any cell that can be compiled, wolfdog's or torch.nn's LSTM, GRU or RNN, or what
            `from_onnx` makes.
        path: the file, written whole or not at all.
        mode: "sequence", or "step" for one event at a time.
        states: in sequence mode, whether the memories before the sequence are inputs too; else they are the
            layer's own. In step mode they always are.
        lengths: in sequence mode, whether there is an input `lengths` [B] int64, as the layer's.
        input_size: of the events, where the cell has no attribute `input_size`; several sizes for events that
            are not vectors.
        classes: names for the outputs, kept in the file's metadata as JSON.

    Raises InputError for contradicting options, ONNXError for a layer that cannot be written, or a file that
    cannot; MissingPackageError where the package onnx is not installed.

    >>> import tempfile, wolfdog as wd
    >>> path = f"{tempfile.mkdtemp()}/layer.onnx"
    >>> export_onnx(wd.Recurrent(wd.cells.FourGateLSTM(3, 5)), path, mode="step")
    """
    if mode not in get_args(Mode):
        raise InputError(f'export_onnx: mode must be "sequence" or "step"; got {mode!r}')
    if mode == "step" and lengths:
        raise InputError('export_onnx: a single step has no lengths: leave lengths out, or mode="step"')
    event = (input_size,) if isinstance(input_size, int) else input_size
    form = form_of(copy.deepcopy(layer).cpu().eval(), event)
    graph = Graph(form.units[0].dtype)
    if mode == "step":
        _write_step(graph, form)
    else:
        _write_sequence(graph, form, states, lengths)
    notes: dict[str, object] = {"mode": mode}
    if classes:
        notes["classes"] = list(classes)
    if (mode == "step" or states) and not all(unit.from_zeros for unit in form.units):
        notes["start"] = {name: start.tolist() for name, _, start in form.memories()}
    about = f"{' '.join(repr(layer).split())}, as a {mode}, written by wolfdog"
    write_model(model_of(graph, type(layer).__name__, about, notes), path)


def _write_step(graph: Graph, form: Form) -> None:
    x = graph.input("x", ["batch", *form.units[0].event])
    given = [graph.input(name, shape) for name, shape, _ in form.memories()]
    after = []
    for level, before in zip(form.levels, form.apart(graph, given), strict=True):
        x, last = level.step(graph, x, before)
        after.append(last)
    graph.output(x, "y", ["batch", *form.output])
    _state_outputs(graph, form, after)


def _write_sequence(graph: Graph, form: Form, states: bool, lengths: bool) -> None:
    lead = ["batch", "time"] if form.batch_first else ["time", "batch"]
    x = graph.input("x", [*lead, *form.units[0].event])
    counts = graph.input("lengths", ["batch"], "int64") if lengths else None
    given = [graph.input(name, shape) for name, shape, _ in form.memories()] if states else None
    if form.batch_first:
        x = _swapped(graph, x, len(form.units[0].event))
    ends = None if counts is None else lengths_of(graph, counts, x)
    befores = [None] * len(form.levels) if given is None else form.apart(graph, given)
    after = []
    for level, before in zip(form.levels, befores, strict=True):
        x, last = level.sequence(graph, x, before, ends)
        after.append(last)
    if form.batch_first:
        x = _swapped(graph, x, len(form.output))
    graph.output(x, "y", [*lead, *form.output])
    _state_outputs(graph, form, after)


def _state_outputs(graph: Graph, form: Form, after: Sequence[Sequence[str]]) -> None:
    for (name, shape, _), value in zip(form.memories(), form.together(graph, after), strict=True):
        graph.output(value, f"{name}_next", shape)


def _swapped(graph: Graph, x: str, features: int) -> str:
    """Time before batch, or the other way round."""
    return graph("Transpose", x, perm=[1, 0, *range(2, 2 + features)])
