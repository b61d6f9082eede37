"""Files of the memories' networks: weights and configuration as safetensors."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError

Network = TypeVar("Network", bound=nn.Module)

LARGEST_WIDTH = 4096
"""Largest width that a file may ask for."""


def save_network_file(
    path: str | PathLike[str], kind: str, network: nn.Module, notes: Mapping[str, Any] | None = None
) -> None:
    """Write weights and configuration of a network, atomically.

    Args:
        path: The file.
        kind: Kind of the network, which `load_network_file` checks.
        network: Network whose `config` is a dataclass.
        notes: How the network was made; values for JSON.

    Raises:
        CheckpointError: The file cannot be written.
    """
    config: Any = network.config
    whole = {"config": asdict(config), "made": dict(notes or {})}
    save_checkpoint(Path(path), kind, network.state_dict(), whole)


def load_network_file(
    path: str | PathLike[str], kind: str, make: Callable[[Mapping[str, Any]], Network]
) -> Network:
    """Network that `save_network_file` wrote, in evaluation mode.

    Args:
        path: The file.
        kind: Expected kind of the network.
        make: Function from a configuration, as JSON has it, to an untrained network. An invalid configuration is a
            KeyError, TypeError or ValueError.

    Returns:
        The network.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    tensors, notes = load_checkpoint(Path(path), kind)
    try:
        network = make(notes["config"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit its configuration: {error}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: holds weights that are not finite numbers.")
    return network.eval()
