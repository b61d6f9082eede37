"""File of a trained memory: its heads, and the any-class network below, as safetensors."""

from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError, InputError

from .any_class_file import pretrained_network
from .any_class_network import AnyClassConfig, AnyClassNetwork
from .class_head import ClassHead
from .trained import Heads, TrainedMemory

KIND = "wolfdog trained memory"
_MOST = 4096
"""Largest width, and number of heads and of classes times 16, that a file may ask for."""


def save_trained(
    path: str | PathLike[str], memory: TrainedMemory, notes: Mapping[str, Any] | None = None
) -> None:
    """Write a trained memory, atomically.

    Args:
        path: The file.
        memory: The memory.
        notes: How the memory was made; values for JSON.

    Raises:
        CheckpointError: The file cannot be written.
    """
    network = pretrained_network() if memory.network is None else memory.network
    tensors = _prefixed("network", network)
    forms = {}
    for form, heads in (("causal", memory.causal_heads), ("ahead", memory.ahead_heads)):
        for number, head in enumerate(heads.heads):
            tensors |= _prefixed(f"{form}.{number}", head)
        width = heads.heads[0].forwards.hidden_size if heads.heads else 1
        forms[form] = {"heads": len(heads.heads), "width": width, "temperature": heads.temperature}
    whole = {
        "classes": list(memory.classes),
        "unseen": list(memory.unseen),
        "network": asdict(network.config),
        **forms,
    }
    save_checkpoint(Path(path), KIND, tensors, whole | {"made": dict(notes or {})})


def load_trained(path: str | PathLike[str]) -> TrainedMemory:
    """Trained memory that `save_trained` wrote.

    Args:
        path: The file.

    Returns:
        The memory.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    tensors, notes = load_checkpoint(Path(path), KIND)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: holds weights that are not finite numbers.")
    try:
        classes = tuple(str(name) for name in notes["classes"])
        _check(0 < len(classes) <= _MOST * 16, "number of classes")
        _check(notes["network"]["width"] <= _MOST, "width of the network")
        network = AnyClassNetwork(AnyClassConfig(**notes["network"]))
        _load(network, tensors, "network")
        forms = [_heads(notes[form], form, len(classes), tensors) for form in ("causal", "ahead")]
        unseen = tuple(str(name) for name in notes.get("unseen", ()))
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit its notes: {error}") from error
    return TrainedMemory(
        classes=classes,
        causal_heads=forms[0],
        ahead_heads=forms[1],
        network=network.eval(),
        unseen=unseen,
    )


def _heads(notes: Mapping[str, Any], form: str, classes: int, tensors: Mapping[str, Tensor]) -> Heads:
    count, width, temperature = int(notes["heads"]), int(notes["width"]), float(notes["temperature"])
    _check(0 <= count <= _MOST and 0 < width <= _MOST, "number or width of the heads")
    _check(0 < temperature < float("inf"), "temperature")
    heads = []
    for number in range(count):
        head = ClassHead(classes, width=width, ahead=form == "ahead", dropout=0.0)
        _load(head, tensors, f"{form}.{number}")
        heads.append(head.eval())
    return Heads(tuple(heads), temperature)


def _prefixed(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in module.state_dict().items()}


def _load(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    start = f"{prefix}/"
    module.load_state_dict(
        {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
    )


def _check(sound: bool, what: str) -> None:
    if not sound:
        raise InputError(f"the {what} cannot be.")
