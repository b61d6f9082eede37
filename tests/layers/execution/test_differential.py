"""Random programs with random changes between calls: the quick form of benchmarks/differential.py."""

import pytest

from differential import differences
from random_cells import CHANGES


def test_random_programs_agree_with_the_loop() -> None:
    compiled = 0
    for seed in range(5):
        outcome = differences(seed)
        assert not outcome.differences
        compiled += outcome.kernels
    assert compiled > 10


def test_a_change_that_only_kernels_miss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from wolfdog.layers.execution import cell_cache, guards

    monkeypatch.setattr(cell_cache.Program, "changed", lambda self, record: iter(()))
    kept = tuple(guard for guard in guards.GUARDS if "identity" not in guard.watches)
    monkeypatch.setattr(guards.compiled_check, "__defaults__", (kept,))
    assert any(differences(seed, changes=len(CHANGES)).differences for seed in range(12))
