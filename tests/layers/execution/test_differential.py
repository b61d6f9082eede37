"""Random programs with random changes between calls: the quick form of benchmarks/differential.py."""

import importlib.util
import json
from importlib.util import spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from differential import OtherRounding, differences
from random_cells import CHANGES


def test_random_programs_agree_with_the_loop() -> None:
    compiled = 0
    for seed in range(5):
        outcome = differences(seed)
        assert not outcome.differences
        compiled += outcome.kernels
    assert compiled > 10


def test_other_rounding_leaves_zeros_and_shows_cancellation() -> None:
    numbers = torch.linspace(0.1, 1.0, 5)
    with OtherRounding(1e-6):
        cancelled, zeros = numbers / 3 - numbers / 3, torch.relu(-numbers)
    assert (cancelled != 0).all()
    assert cancelled.abs().max() < 1e-5
    assert torch.equal(zeros, torch.zeros(5))


@pytest.mark.slow
def test_a_change_that_only_kernels_miss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.layers.execution import cell_cache, guards

    monkeypatch.setattr(cell_cache.Program, "changed", lambda self, record: iter(()))
    kept = tuple(guard for guard in guards.GUARDS if "identity" not in guard.watches)
    monkeypatch.setattr(guards.compiled_check, "__defaults__", (kept,))
    assert any(differences(seed, changes=len(CHANGES)).differences for seed in range(12))


def test_a_crash_of_a_program_is_recorded_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[3] / "benchmarks" / "differential.py"
    module = importlib.util.module_from_spec(spec_from_file_location("differential_run", path))
    module.__spec__.loader.exec_module(module)
    line = json.dumps({"differences": ["seed 4 differs"], "calls": 7, "kernels": 6})
    child = SimpleNamespace(stdout=f"{line}\n", returncode=-11)
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: child)
    chunk = module._chunk(4, 9)
    assert (chunk["end"], chunk["programs"], chunk["differing"], chunk["crashed"]) == (6, 2, 1, 1)
    assert chunk["problems"] == ["seed 4 differs", "seed 5: the process ended with -11"]
