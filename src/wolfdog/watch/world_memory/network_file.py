"""File of a world's network."""

import math
from collections.abc import Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from ..smoothing.network_file import LARGEST_WIDTH, load_network_file, save_network_file
from .network import WorldNetwork, WorldNetworkConfig

KIND = "wolfdog world memory"
PRETRAINED = Path(__file__).parent / "pretrained" / "wolves_and_dogs.safetensors"


def save_world_network(
    path: str | PathLike[str], network: WorldNetwork, notes: Mapping[str, Any] | None = None
) -> None:
    """Write weights and configuration, atomically.

    Args:
        path: The file.
        network: The network.
        notes: How the network was made; values for JSON.

    Raises:
        CheckpointError: The file cannot be written.
    """
    save_network_file(path, KIND, network, notes)


def load_world_network(path: str | PathLike[str]) -> WorldNetwork:
    """Network that `save_world_network` wrote.

    Args:
        path: The file.

    Returns:
        The network, in evaluation mode.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    return load_network_file(path, KIND, _untrained)


def _untrained(config: Mapping[str, Any]) -> WorldNetwork:
    classes, looks, width, times, bound = (
        config[name] for name in ("classes", "looks", "width", "times", "bound")
    )
    for names in (classes, looks):
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise ValueError(f"classes and looks must be names, got {names!r}")
    if not (isinstance(width, int) and width <= LARGEST_WIDTH and isinstance(times, bool)):
        raise ValueError(f"width {width!r} or times {times!r} cannot be")
    if not (isinstance(bound, float) and math.isfinite(bound)):
        raise ValueError(f"bound {bound!r} cannot be")
    return WorldNetwork(
        WorldNetworkConfig(classes=tuple(classes), looks=tuple(looks), width=width, times=times, bound=bound)
    )


@cache
def pretrained_world_network() -> WorldNetwork:
    """Network that comes with the package. It is shared: copy it before changing its weights."""
    return load_world_network(PRETRAINED)
