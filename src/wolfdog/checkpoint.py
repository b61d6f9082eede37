"""Tensors and what belongs to them in one safetensors file: whole or not there, checked when read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from .atomic import atomic_write
from .errors import CheckpointError


def save_checkpoint(path: Path, kind: str, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors and notes (anything that JSON holds) as one file of that kind, atomically.

    Raises CheckpointError when it cannot be written.
    """
    whole = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"kind": kind, "notes": json.dumps(notes, allow_nan=False)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "wb") as file:
            file.write(to_bytes(whole, metadata=metadata))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error}. Choose another place.") from error


def load_checkpoint(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the notes of a file that `save_checkpoint` wrote as that kind.

    Raises CheckpointError when the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Expected a {kind} that wolfdog saved.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            # Cloned, for a file's tensors lie at any address, and sums may hang on it in their last bit.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged: {error}") from error
    if metadata.get("kind") != kind:
        raise CheckpointError(
            f"{path}: expected a {kind}, got {metadata.get('kind', 'a file of other origin')!r}"
        )
    try:
        notes = json.loads(metadata.get("notes", ""))
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise CheckpointError(f"{path}: its notes are not JSON that can be read: {error}") from error
    if not isinstance(notes, dict):
        raise CheckpointError(f"{path}: its notes should be a JSON object, got {type(notes).__name__}")
    return tensors, notes
