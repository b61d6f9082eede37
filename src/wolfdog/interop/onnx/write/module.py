"""What an nn.Module is written as: a layer, or a model with layers in it."""

from collections.abc import Collection, Sequence

import torch
from torch import nn

from ....cells import Cell
from ....errors import ONNXError
from ....layers import Bidirectional, Checkpointed, Stack
from ....layers.cell.sequence_layer import SequenceLayer
from .bidirectional import Both
from .layer_form import form_of
from .model import Table
from .part import Part
from .tracing import traced_model


def part_of(module: nn.Module, event: Sequence[int] | None) -> Part:
    """A module, ready to be written.

    Args:
        module: a layer, or a model with layers in it, on the CPU, evaluating, and a copy: it is changed.
        event: the shape of an event, where the module does not say it.

    Raises ONNXError for what is neither, or cannot be written: the message says why, and where.
    """
    while isinstance(module, Checkpointed):
        module = module.model
    for inner in module.modules():
        if isinstance(inner, Stack):
            inner.checkpoint_every = None  # which says how to train, as Checkpointed does
    layer = _layer_of(module, event)
    if layer is not None:
        return layer
    if isinstance(module, Cell | nn.RNNCellBase):
        raise ONNXError(
            f"export_onnx writes layers, and {type(module).__name__} is one step: wd.Recurrent(cell)"
        )
    about = f"{type(module).__name__} cannot be written to ONNX"
    found: dict[str, tuple[nn.Module, Part | Table]] = {}
    for name, child in module.named_children():
        _collect(name, child, found)
    dtypes = {part.dtype for _, part in found.values() if isinstance(part, Part)}
    if not dtypes:
        raise ONNXError(
            "export_onnx writes Recurrent, Stack and Bidirectional, torch.nn's LSTM, GRU and RNN, what from_onnx "
            f"makes, and models with such layers in them; got {type(module).__name__}"
        )
    if len(dtypes) != 1:
        named = ", ".join(sorted(map(str, dtypes)))
        raise ONNXError(f"{about}: its layers have numbers of several formats, {named}")
    dtype = getattr(torch, str(dtypes.pop()))
    size = _size_of(module) if event is None else tuple(event)
    if size is None:
        raise ONNXError(f"{about} before it says the size of its events: pass input_size=")
    try:
        return traced_model(module, found, size, dtype, about)
    except ONNXError as error:
        raise ONNXError(f"{error}{_with_memory(module, found)}") from error


def _layer_of(module: nn.Module, event: Sequence[int] | None) -> Part | None:
    """A layer, ready to be written; None for what is none, as a Stack, which is a model of layers."""
    if isinstance(module, Bidirectional):
        ways = part_of(module.forwards, event), part_of(module.backwards, event)
        return Both(*ways, module.merge, module.batch_first)
    return form_of(module, event)


def _collect(name: str, module: nn.Module, found: dict[str, tuple[nn.Module, Part | Table]]) -> None:
    """The layers and tables in a module, by name."""
    if isinstance(module, nn.Embedding):
        if module.max_norm is not None:
            raise ONNXError(f"{name}: an Embedding with max_norm changes its rows as they are looked up")
        found[name] = module, Table(module.weight.detach().numpy())
        return
    layer = _layer_of(module, None)
    if layer is not None:
        found[name] = module, layer
        return
    for inner, child in module.named_children():
        _collect(f"{name}.{inner}", child, found)


def _size_of(module: nn.Module) -> tuple[int, ...] | None:
    """The shape of a model's events, if the first of its parts that says a size is what takes them."""
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
    """A sentence on a part that has a memory and is no layer that is written, such as an attention; "" without one."""
    for name, inner in module.named_modules():
        known = isinstance(inner, SequenceLayer) or any(f"{name}.".startswith(f"{part}.") for part in found)
        if name and not known and hasattr(inner, "step"):
            return (
                f". Its {name}, of the class {type(inner).__name__}, remembers events in a way of its own: leave it to "
                "the program that runs the file"
            )
    return ""
