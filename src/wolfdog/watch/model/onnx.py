"""ONNX export of a watcher: frame and memory state in, probabilities and next memory state out."""

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from torch import nn

from ...errors import ONNXError
from ...interop.onnx.write.file import model_of, write_model
from ...interop.onnx.write.graph import Graph
from ...interop.onnx.write.level import Level
from ...interop.onnx.write.unit import unit_of
from .encoder import FrameEncoder
from .memory import RecurrentMemory
from .registry import CELLS
from .watcher import Watcher


def export_watcher(watcher: Watcher, path: str | PathLike[str]) -> None:
    """Write a watcher as an ONNX file, for inference frame by frame in any runtime.

        inputs    frame [N, size, size, 3] uint8, red, green and blue: an image of each of N streams, scaled
                  to a square; and the memory state, stm (and ltm) [N, hidden] float32, zeros at first
        outputs   snapshot and context [N, classes] float32, the probabilities of the classes; and the next
                  memory state, stm_next (and ltm_next)

    The metadata hold `classes`, `fps` (frames a second), `size` and `memory`, as JSON. Without a memory there is no
    memory state, and the context is the snapshot.

    Args:
        watcher: Watcher without a memory, or with a recurrent unit.
        path: File to write.

    Raises:
        ONNXError: The file cannot be written, or the memory is none of the recurrent units, whose state alone is small
            and zero at first.
        MissingPackageError: The package onnx is not installed.

    Examples:
        >>> import tempfile
        >>> export_watcher(Watcher.load(), f"{tempfile.mkdtemp()}/watcher.onnx")
    """
    graph, config = Graph(np.dtype(np.float32)), watcher.config
    cell = _cell(watcher)
    frame = graph.input("frame", ["streams", config.size, config.size, 3], dtype=np.uint8)
    embedding = _write_encoder(graph, watcher.frame_classifier.encoder, frame)
    snapshot = _write_head(graph, watcher.frame_classifier.snapshot, embedding)
    context, memories = snapshot, []
    if watcher.context is not None and cell is not None:
        unit = unit_of(cell)
        sizes = [start.shape[1] for start in unit.start]
        before = [graph.input(name, ["streams", size]) for name, size in zip(unit.states, sizes, strict=True)]
        stm, after = Level((unit,)).step(graph, embedding, before)
        context = _write_head(graph, watcher.context.head, stm)
        context = _write_unremembered(graph, context, snapshot, watcher.context.unremembered.numpy())
        memories = list(zip(after, unit.states, sizes, strict=True))
    classes = len(config.classes)
    graph.output(snapshot, "snapshot", ["streams", classes])
    graph.output(context, "context", ["streams", classes])
    for value, name, size in memories:
        graph.output(value, f"{name}_next", ["streams", size])
    about = f"wolfdog watcher of {', '.join(config.classes)}, memory {config.memory}, one frame at a time"
    notes = {
        "mode": "step",
        "classes": list(config.classes),
        "fps": config.fps,
        "size": config.size,
        "memory": config.memory,
    }
    write_model(model_of(graph, "watcher", about, notes), path)


def _cell(watcher: Watcher) -> nn.Module | None:
    """Recurrent unit that is the watcher's memory; None without a memory.

    Raises:
        ONNXError: The memory is no recurrent unit.
    """
    if watcher.context is None:
        return None
    memory = watcher.context.memory
    if watcher.config.memory in CELLS and isinstance(memory, RecurrentMemory):
        return memory.cell
    raise ONNXError(
        f"a watcher with the memory {watcher.config.memory} cannot be written as ONNX: only units are, whose state is "
        f"small and zero at first. Train one with --memory {', '.join(CELLS[:-1])} or {CELLS[-1]}"
    )


def _write_encoder(graph: Graph, encoder: FrameEncoder, frame: str) -> str:
    """Graph nodes from frames [N, H, W, 3] uint8 to embeddings [N, E]."""
    light = graph("Cast", frame, to=1)  # float32
    light = graph("Sub", graph("Div", light, graph.number(127.5)), graph.number(1.0))
    maps = graph("Transpose", light, perm=[0, 3, 1, 2])
    for block in encoder.blocks:
        convolution, norm, _ = _parts(block)
        assert isinstance(convolution, nn.Conv2d)
        scale, shift = _folded(norm)
        weight = convolution.weight.detach().double().numpy() * scale[:, None, None, None]
        maps = graph(
            "Conv",
            maps,
            graph.constant(weight.astype(np.float32), "convolution"),
            graph.constant(shift.astype(np.float32), "convolution_bias"),
            kernel_shape=list(convolution.kernel_size),
            pads=[1, 1, 1, 1],
            strides=list(convolution.stride),
        )
        maps = graph("Relu", maps)
    axes = graph.integers(2, 3)
    means, peaks = (graph(op, maps, axes, keepdims=0) for op in ("ReduceMean", "ReduceMax"))
    places = graph("Concat", means, peaks, axis=1)
    scale, shift = _folded(encoder.normalise)
    project = encoder.project.weight.detach().double().numpy().T * scale
    return _write_affine(graph, places, project, shift, "project")


def _write_head(graph: Graph, head: nn.Linear, x: str) -> str:
    """Graph nodes of a head's probabilities [N, classes]."""
    weight, bias = (parameter.detach().double().numpy() for parameter in (head.weight, head.bias))
    return graph("Softmax", _write_affine(graph, x, weight.T, bias, "head"), axis=-1)


def _write_unremembered(graph: Graph, context: str, snapshot: str, unremembered: np.ndarray) -> str:
    """Graph nodes of context probabilities in which some classes are left to the snapshot."""
    if not unremembered.any():
        return context
    if unremembered.all():
        return snapshot
    alone = graph("Mul", snapshot, graph.constant(unremembered.astype(np.float32), "unremembered"))
    seen = graph("Mul", context, graph.constant((~unremembered).astype(np.float32), "remembered"))
    sums = (graph("ReduceSum", part, graph.integers(1), keepdims=1) for part in (alone, seen))
    of_alone, of_seen = sums
    room = graph("Sub", graph.number(1.0), of_alone)
    return graph("Add", alone, graph("Mul", graph("Div", seen, of_seen), room))


def _write_affine(graph: Graph, x: str, weight: np.ndarray, bias: np.ndarray, name: str) -> str:
    """Graph nodes of x W + b, with weights given in double precision."""
    made = (graph.constant(array.astype(np.float32), name) for array in (weight, bias))
    return graph("Gemm", x, *made)


def _parts(block: nn.Module) -> Sequence[nn.Module]:
    return list(block.children())


def _folded(norm: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of a trained batch normalisation, in double precision."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    mean, var = norm.running_mean, norm.running_var
    assert mean is not None
    assert var is not None
    scale = (var.double() + norm.eps).rsqrt()
    shift = -mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.double(), shift * norm.weight.double() + norm.bias.double()
    with torch.no_grad():
        return scale.detach().numpy(), shift.detach().numpy()
