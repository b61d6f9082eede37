"""Conversion of modules to exported layers or models."""

from collections.abc import Collection, Sequence

import torch
from torch import nn

from ....cells import Cell
from ....errors import ONNXError
from ....layers import Bidirectional, Checkpointed, Stack
from ....layers.cell.sequence_layer import SequenceLayer
from .bidirectional import BidirectionalPart
from .layer_form import form_of
from .model import EmbeddingTable
from .part import Part
from .tracing import traced_model


def part_of(module: nn.Module, event: Sequence[int] | None) -> Part:
    """Exported form of a module.

    Args:
        module: A layer, or a model that contains layers, on the CPU in eval mode; it is modified, so pass a copy.
        event: Shape of an event, if the module does not define it.

    Raises:
        ONNXError: The module is neither, or cannot be exported; the message gives the reason.
    """
    while isinstance(module, Checkpointed):
        module = module.model
    for inner in module.modules():
        if isinstance(inner, Stack):
            inner.checkpoint_every = None  # for training only, like Checkpointed
    layer = _layer_of(module, event)
    if layer is not None:
        return layer
    if isinstance(module, Cell | nn.RNNCellBase):
        raise ONNXError(
            f"export_onnx writes layers, and {type(module).__name__} is a cell: pass wd.Recurrent(cell)"
        )
    about = f"{type(module).__name__} cannot be written to ONNX"
    found: dict[str, tuple[nn.Module, Part | EmbeddingTable]] = {}
    for name, child in module.named_children():
        _collect(name, child, found)
    dtypes = {part.dtype for _, part in found.values() if isinstance(part, Part)}
    if not dtypes:
        raise ONNXError(
            "export_onnx writes Recurrent, Stack and Bidirectional, torch.nn's LSTM, GRU and RNN, results of from_onnx "
            f"and models that contain such layers; got {type(module).__name__}"
        )
    if len(dtypes) != 1:
        named = ", ".join(sorted(map(str, dtypes)))
        raise ONNXError(f"{about}: its layers have different formats, {named}")
    dtype = getattr(torch, str(dtypes.pop()))
    size = _size_of(module) if event is None else tuple(event)
    if size is None:
        raise ONNXError(f"{about} without the size of its events: pass input_size=")
    try:
        return traced_model(module, found, size, dtype, about)
    except ONNXError as error:
        raise ONNXError(f"{error}{_with_memory(module, found)}") from error


def _layer_of(module: nn.Module, event: Sequence[int] | None) -> Part | None:
    """Exported form of a layer; None for other modules, such as a Stack, which is exported as a model."""
    if isinstance(module, Bidirectional):
        ways = part_of(module.forwards, event), part_of(module.backwards, event)
        return BidirectionalPart(*ways, module.merge, module.batch_first)
    return form_of(module, event)


def _collect(name: str, module: nn.Module, found: dict[str, tuple[nn.Module, Part | EmbeddingTable]]) -> None:
    """Collect the layers and embedding tables of a module, by name."""
    if isinstance(module, nn.Embedding):
        if module.max_norm is not None:
            raise ONNXError(
                f"{name}: an Embedding with max_norm, which changes rows at lookup, cannot be written"
            )
        found[name] = module, EmbeddingTable(module.weight.detach().numpy())
        return
    layer = _layer_of(module, None)
    if layer is not None:
        found[name] = module, layer
        return
    for inner, child in module.named_children():
        _collect(f"{name}.{inner}", child, found)


def _size_of(module: nn.Module) -> tuple[int, ...] | None:
    """Shape of a model's events, from its first submodule that defines an input size."""
    if any(isinstance(part, nn.Embedding) for part in module.modules()):
        return ()
    for part in module.modules():
        for name in ("input_size", "in_features"):
            size = getattr(part, name, None)
            if isinstance(size, int):
                return (size,)
        if isinstance(part, nn.LayerNorm):
            return tuple(part.normalized_shape)
    return None


def _with_memory(module: nn.Module, found: Collection[str]) -> str:
    """Sentence on a submodule with a memory that cannot be exported, such as attention; "" if there is none."""
    for name, inner in module.named_modules():
        known = isinstance(inner, SequenceLayer) or any(f"{name}.".startswith(f"{part}.") for part in found)
        if name and not known and hasattr(inner, "step"):
            return (
                f". Its {name}, of the class {type(inner).__name__}, has a memory that cannot be written: leave it to "
                "the program that runs the file"
            )
    return ""
