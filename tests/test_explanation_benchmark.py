"""The benchmark of explanations at its smallest."""

from pathlib import Path

import pytest


@pytest.mark.slow
def test_explanations_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import explanation

    monkeypatch.setattr(explanation, "FRAMES", 100)
    monkeypatch.setattr(explanation, "STREAMS", 16)
    found = explanation.measured(seed=0, moments=2, steps=3)
    assert set(found) == {"right", "frames", "shots", "nearest", "rank"}
    assert 0 <= found["right"] <= 1
    assert -1 <= found["rank"] <= 1
