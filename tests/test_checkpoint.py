"""Checkpoint files: equal content gives equal bytes, and the header keeps to the format."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from wolfdog.checkpoint import load_checkpoint, save_checkpoint
from wolfdog.errors import CheckpointError

TENSORS = {"b": torch.arange(3.0), "a": torch.ones(2, 2, dtype=torch.float64), "für": torch.zeros(0)}
NOTES = {"épreuve": [1, 2.5, None], "b": {"c": "d"}}


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    # safetensors orders its metadata by a random hash: among 20 files both orders of two keys occur almost surely.
    found = set()
    for number in range(20):
        path = tmp_path / f"{number}.safetensors"
        save_checkpoint(path, "test", TENSORS, NOTES)
        found.add(path.read_bytes())
    assert len(found) == 1


def test_round_trip_and_format(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.safetensors"
    save_checkpoint(path, "test", TENSORS, NOTES)
    tensors, notes = load_checkpoint(path, "test")
    assert notes == NOTES
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    assert list(json.loads(content[8 : 8 + size])["__metadata__"]) == ["kind", "notes"]
    with safe_open(path, framework="pt") as file:
        assert torch.equal(file.get_tensor("a"), TENSORS["a"])
    with pytest.raises(CheckpointError, match="expected a bank, got 'test'"):
        load_checkpoint(path, "bank")
