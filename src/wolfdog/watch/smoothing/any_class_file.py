"""File of an any-class network."""

from collections.abc import Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from .any_class_network import AnyClassConfig, AnyClassNetwork
from .network_file import LARGEST_WIDTH, load_network_file, save_network_file

KIND = "wolfdog any-class memory"
PRETRAINED = Path(__file__).parent / "pretrained" / "any_class.safetensors"


def save_network(
    path: str | PathLike[str], network: AnyClassNetwork, notes: Mapping[str, Any] | None = None
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


def load_network(path: str | PathLike[str]) -> AnyClassNetwork:
    """Network that `save_network` wrote.

    Args:
        path: The file.

    Returns:
        The network, in evaluation mode.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    return load_network_file(path, KIND, _untrained)


def _untrained(config: Mapping[str, Any]) -> AnyClassNetwork:
    if not (isinstance(config["width"], int) and config["width"] <= LARGEST_WIDTH):
        raise ValueError(f"width {config['width']!r} cannot be")
    return AnyClassNetwork(AnyClassConfig(**config))


@cache
def pretrained_network() -> AnyClassNetwork:
    """Network that comes with the package. It is shared: copy it before changing its weights."""
    return load_network(PRETRAINED)
