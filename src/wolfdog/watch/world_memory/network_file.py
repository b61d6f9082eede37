"""File of a world's network: weights and configuration as safetensors."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError, InputError

from .network import WorldNetwork, WorldNetworkConfig

KIND = "wolfdog world memory"
PRETRAINED = Path(__file__).parent / "pretrained" / "wolves_and_dogs.safetensors"
LARGEST_WIDTH = 4096


def save_world_network(
    path: str | PathLike[str], network: WorldNetwork, notes: Mapping[str, Any] | None = None
) -> None:
    """Write weights and configuration, with notes on how they were made (what JSON holds), atomically.

    Raises:
        CheckpointError: the file cannot be written.
    """
    whole = {"config": asdict(network.config), "made": dict(notes or {})}
    save_checkpoint(Path(path), KIND, network.state_dict(), whole)


def load_world_network(path: str | PathLike[str]) -> WorldNetwork:
    """Network that `save_world_network` wrote.

    Raises:
        CheckpointError: the file is missing, damaged or of another kind.
    """
    tensors, notes = load_checkpoint(Path(path), KIND)
    try:
        network = WorldNetwork(_config(notes["config"]))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, InputError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit its configuration: {error}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path}: holds weights that are not finite numbers.")
    return network.eval()


def _config(notes: Any) -> WorldNetworkConfig:
    classes, width, times = notes["classes"], notes["width"], notes["times"]
    if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"classes must be names, got {classes!r}")
    if not (isinstance(width, int) and width <= LARGEST_WIDTH and isinstance(times, bool)):
        raise ValueError(f"width {width!r} or times {times!r} cannot be")
    return WorldNetworkConfig(classes=tuple(classes), width=width, times=times)


@cache
def pretrained_world_network() -> WorldNetwork:
    """The network that comes with the package. It is shared: copy it before changing its weights."""
    return load_world_network(PRETRAINED)
