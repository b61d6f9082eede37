"""wolfdog demo, on a world and a training so small that it takes seconds."""

import json
from dataclasses import replace

import pytest

from cli_run import assert_told, wolfdog
from tiny_experiment import TINY
from wolfdog.watch import experiment
from wolfdog.watch.model.registry import MEMORIES, check_names

FILES = {"scores.json", "gaps.png", "annotated.mp4", "timelines", "models", "television"}
SMALL = replace(TINY, memories=("lstm", "gru"))


@pytest.fixture
def small(monkeypatch):
    def begin(seed, workers):
        return replace(SMALL, seed=seed, workers=1)

    monkeypatch.setattr(experiment, "Experiment", begin)


def test_everything_is_made_and_told(small, tmp_path):
    done = wolfdog("demo", "--out", tmp_path / "out", "--seed", 3)
    assert done.status == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {"gaps", "ideal", "memories", "counts", "seed", "seconds"} <= set(scores)
    assert scores["seed"] == 3
    assert {"snapshot", "lstm", "gru"} == set(scores["memories"])
    assert all(len(values) == len(scores["gaps"]) for values in scores["memories"].values())
    for word in ("10/10", "snapshot", "gru", "ideal", "scores.json"):
        assert word in done.out


@pytest.mark.slow
def test_memories_are_chosen_by_name(small, tmp_path):
    done = wolfdog("demo", "--out", tmp_path / "out", "--memories", "attention, lstm+bank")
    assert done.status == 0, done.err
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {"snapshot", "attention", "lstm+bank"} == set(scores["memories"])
    assert set(scores["costs"]) == {"attention", "lstm+bank"}
    for cost in scores["costs"].values():
        assert cost["parameters"] > 1000
        assert cost["microseconds"] > 1
    for word in ("parameters", "µs per frame", "lstm+bank"):
        assert word in done.out


@pytest.mark.parametrize("names", ["lstm,elephant", "lstm,lstm", "none", ","])
def test_memories_that_are_none_are_told(names, tmp_path):
    assert_told(wolfdog("demo", "--out", tmp_path / "out", "--memories", names), "--memories")
    assert not (tmp_path / "out").exists()


def test_all_memories_are_every_kind():
    for name in experiment.ALL_COMPARED:
        check_names([name], "")
    kinds = {name.partition("+")[2] or name for name in experiment.ALL_COMPARED}
    assert kinds == {name.partition("+")[2] or name for name in MEMORIES} - {"none"}


@pytest.mark.slow
def test_a_thorough_run_has_a_spread_and_every_seed(small, tmp_path, monkeypatch):
    monkeypatch.setattr("wolfdog.cli.demo.SEEDS_THOROUGH", 2)
    done = wolfdog("demo", "--out", tmp_path / "out", "--thorough")
    assert done.status == 0, done.err
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["seed"] == [0, 1]
    assert [one["seed"] for one in scores["runs"]] == [0, 1]
    assert set(scores["spread"]) >= {"lstm", "ideal"}
    assert "±" in done.out
    one, other = (run["memories"]["lstm"] for run in scores["runs"])
    means = scores["memories"]["lstm"]
    for a, b, mean in zip(one, other, means, strict=True):
        if a is not None and b is not None:
            assert mean == pytest.approx((a + b) / 2)
