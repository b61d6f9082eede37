"""File of an any-class network: weights and configuration as safetensors."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError, InputError

from .any_class_network import AnyClassConfig, AnyClassNetwork

KIND = "wolfdog any-class memory"
PRETRAINED = Path(__file__).parent / "pretrained" / "any_class.safetensors"


def save_network(
    path: str | PathLike[str], network: AnyClassNetwork, notes: Mapping[str, Any] | None = None
) -> None:
    """Write weights and configuration, with notes on how they were made (what JSON holds), atomically.

    Raises:
        CheckpointError: the file cannot be written.
    """
    whole = {"config": asdict(network.config), "made": dict(notes or {})}
    save_checkpoint(Path(path), KIND, network.state_dict(), whole)


def load_network(path: str | PathLike[str]) -> AnyClassNetwork:
    """Network that `save_network` wrote.

    Raises:
        CheckpointError: the file is missing, damaged or of another kind.
    """
    tensors, notes = load_checkpoint(Path(path), KIND)
    try:
        config = notes["config"]
        if not (
            isinstance(config, dict) and isinstance(config.get("width"), int) and config["width"] <= 4096
        ):
            raise InputError(f"config {config!r} is no configuration of the network.")
        network = AnyClassNetwork(AnyClassConfig(**config))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, InputError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit its configuration: {error}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: holds weights that are not finite numbers.")
    return network.eval()


@cache
def pretrained_network() -> AnyClassNetwork:
    """The network that comes with the package. It is shared: copy it before changing its weights."""
    return load_network(PRETRAINED)
