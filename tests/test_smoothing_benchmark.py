"""The benchmark of smoothing: its metrics by hand, its sets, and its smallest comparison."""

import gzip
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import METHODS, AnyClass
from wolfdog.watch.smoothing.any_class_network import AnyClassConfig
from wolfdog.watch.smoothing.pretraining import Pretraining


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import smoothing_sets.metrics
    import smoothing_sets.scores
    import smoothing_sets.sequences
    import smoothing_sets.simulated
    import smoothing_sets.tuning

    return smoothing_sets


def judged(sets: ModuleType, truth: list[int], said: list[int], seconds: float = 20.0) -> list[object]:
    q = np.full((len(said), 3), 0.1)
    q[np.arange(len(said)), said] = 0.8
    table = Predictions.from_columns(["blank", "a", "b"], q, time=seconds * np.arange(len(q)), blank="blank")
    part = sets.labelled.Labelled(table, np.array(truth))
    return [sets.labelled.Judged(part, q)]


def test_metrics_by_hand(sets: ModuleType) -> None:
    truth = [0, 0, 1, 1, 1, 1, 0, 2, 1, 1, 1, 1]
    said = [0, 0, 1, 1, 2, 1, 0, 1, 1, 1, 1, 1]
    found = sets.metrics.metrics(judged(sets, truth, said), by_stream=False)
    assert found["accuracy"] == pytest.approx(100 * 10 / 12)
    assert found["animals"] == pytest.approx(100 * 7 / 9)
    assert found["blanks"] == 100
    assert found["macro-F1"] == pytest.approx(100 * (1 + 14 / 16 + 0) / 3)
    assert found["log loss"] == pytest.approx(-(10 * math.log(0.8) + 2 * math.log(0.1)) / 12)
    assert found["ECE"] == pytest.approx(100 * abs(10 / 12 - 0.8))
    assert found["rare recall"] == 0
    assert found["flips/min"] == pytest.approx(5 / (11 / 3))
    # Events: a 2-5, b 7, a 8-11 are true; a 2-3, b 4, a 5, a 7-11 are said.
    assert found["F1@10"] == pytest.approx(100 * 2 * 2 / (4 + 2 + 1))
    assert found["F1@50"] == pytest.approx(100 * 2 * 2 / (4 + 2 + 1))
    assert sets.metrics.event_counts(np.array(truth), np.array(said), 0, 0.6) == (1, 3, 2)


def test_lost_species(sets: ModuleType) -> None:
    truth = [1] * 22 + [2, 2]
    right, half, never = ([1] * 22 + last for last in ([2, 2], [1, 2], [1, 1]))
    lost = [
        sets.metrics.lost_species(judged(sets, truth, said), judged(sets, truth, before))
        for said, before in ((half, right), (never, half), (never, never))
    ]
    assert lost == [0, 100, 0]


def test_smallest_comparison(sets: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    import smoothing

    parts, ideal = sets.simulated.simulated("standard", 4, 0, streams=6, frames=20)
    baselines = {name: (METHODS[name](),) * 2 for name in ("none", "ema", "hmm")}
    table = smoothing.compare(parts, baselines, {"memory": (AnyClass(), False)}, ideal, by_stream=True)
    assert list(table) == ["none", "ema", "hmm", "memory", "ideal filter"]
    assert table["ideal filter"]["log loss"] < table["none"]["log loss"]
    smoothing.show("simulated, standard", table)
    smoothing.targets({"simulated, standard": table})
    said = capsys.readouterr().out
    assert "| ideal filter |" in said
    assert "way to the ideal filter in log loss" in said


@pytest.mark.slow
def test_a_form_of_the_memory_is_trained_and_judged(
    sets: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import memory_variants
    import smoothing_sets.speed

    monkeypatch.setattr(smoothing_sets.speed, "FRAMES", 20)
    parts, _ = sets.simulated.simulated("plain", 4, 0, streams=4, frames=12)
    options = Pretraining(steps=1, ahead_steps=1, rows=16, frames=8, classes=(4, 4))
    row = memory_variants.judged(AnyClassConfig(width=4), options, {"bursts": parts})
    assert set(row) == {"log loss, bursts", "accuracy", "rare recall", "seconds", "kB", "µs"}
    assert abs(row["accuracy"]) < 20  # a step changes little
    assert memory_variants._cell("log loss, bursts", [0.98, 1.02]) == "1.000 ± 0.020"
    assert memory_variants._cell("accuracy", [1.04]) == "+1.0 ± 0.0"


def test_tuning_takes_the_best_of_the_grid(sets: ModuleType) -> None:
    truth = [1, 1, 1, 1, 2, 2, 2, 2]
    [one] = judged(sets, truth, [1, 1, 2, 1, 2, 1, 2, 2])
    found = sets.tuning.tuned([one.of], by_stream=False)
    assert set(found) == set(METHODS) - {"memory", "viterbi"}
    assert found["mean"][1].frames > 1
    assert found["none"] == (METHODS["none"](),) * 2


def test_sets_are_read(sets: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"split{i}_v{j}" for i in (1, 2) for j in (0, 1)]
    arrays = {f"{name}_S": rng.normal(size=(5, 3)) for name in names}
    np.savez(tmp_path / "a.npz", **arrays, **{f"{name}_Y": np.arange(5) % 3 for name in names})
    splits = sets.scores.load_scores(tmp_path / "a.npz")
    assert {name: len(part.table) for name, part in splits.items()} == {"split1": 10, "split2": 10}
    assert splits["split1"].table.labels().tolist()[:5] == arrays["split1_v0_S"].argmax(-1).tolist()
    lines = [f"site {s},2020-01-0{d} 10:00:0{t},{n},1" for s in range(9) for d, n in ((1, "wolf"), (2, "bear"))
             for t in range(6)]  # fmt: skip
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("\n".join(["site,datetime,species,count", *lines]))
    train, test = (
        sets.sequences.load_sequences(tmp_path / "a.csv.gz", 0, train=train, sites=9, images=8)
        for train in (True, False)
    )
    assert not set(train.table.deployments()) & set(test.table.deployments())
    stream = train.table.of_deployment(train.table.deployments()[0])
    assert len(stream) == 8
    assert np.diff(stream.time).max() > 80_000
    assert sorted(set(train.labels.tolist())) == [0, 1]
