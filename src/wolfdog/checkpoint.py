"""Checkpoints: tensors and their metadata in one safetensors file, written atomically and checked when read."""

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
    """Write tensors and notes as one file, atomically. Equal content gives equal bytes.

    Args:
        path: The file; missing folders are created.
        kind: Kind of the content, which `load_checkpoint` checks.
        tensors: Tensors by name.
        notes: Metadata that JSON can represent.

    Raises:
        CheckpointError: The file cannot be written.
    """
    copies = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"kind": kind, "notes": json.dumps(notes, allow_nan=False)}
    serialised = to_bytes(copies, metadata=metadata)
    header, data = _header(serialised)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "wb") as file:
            file.write(header)
            file.write(memoryview(serialised)[data:])
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error}. Choose another place.") from error


def load_checkpoint(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file that `save_checkpoint` wrote.

    Args:
        path: The file.
        kind: Expected kind of the content.

    Returns:
        Tensors by name, and notes.

    Raises:
        CheckpointError: The file is missing, damaged, or of another kind.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Expected a {kind} that wolfdog saved.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            notes = _notes(path, kind, file.metadata() or {})
            # Copies, because tensors of a file have any alignment, which may change the rounding of sums.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a safetensors file, or damaged: {error}") from error
    return tensors, notes


def _notes(path: Path, kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Notes of a file of this kind."""
    if metadata.get("kind") != kind:
        raise CheckpointError(
            f"{path}: expected a {kind}, got {metadata.get('kind', 'a file of another program')!r}"
        )
    try:
        notes = json.loads(metadata.get("notes", ""))
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise CheckpointError(f"{path}: its notes are not JSON that can be read: {error}") from error
    if not isinstance(notes, dict):
        raise CheckpointError(f"{path}: its notes should be a JSON object, got {type(notes).__name__}")
    return notes


def _header(serialised: bytes) -> tuple[bytes, int]:
    """Header of a serialised file with its metadata in alphabetical order, and the offset of the data behind it.

    safetensors (0.8) writes metadata in random order. Format: an eight-byte little-endian length, a JSON object padded
    with spaces to a multiple of eight bytes, the data.
    """
    data = 8 + int.from_bytes(serialised[:8], "little")
    fields = json.loads(serialised[8:data])
    fields["__metadata__"] = dict(sorted(fields["__metadata__"].items()))
    text = json.dumps(fields, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, data
