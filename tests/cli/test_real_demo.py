"""wolfdog demo --real: the table, the files, and what cannot be asked for together."""

import json

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.watch.classifiers import registry
from wolfdog.watch.world_memory import demonstration
from world_banks import AnimalClassifier, write_animals


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demonstration, "STREAMS", 3)
    monkeypatch.setattr(demonstration, "FRAMES", 200)
    monkeypatch.setattr(demonstration, "FILM_SECONDS", 2)
    monkeypatch.setattr(registry, "load_classifier", lambda classes: AnimalClassifier())


def test_photographs_are_broadcast_and_watched(small, tmp_path):
    write_animals(tmp_path / "animals", count=4)
    done = wolfdog("demo", "--real", "--images", tmp_path / "animals", "--out", tmp_path / "out", "--most", 3)
    assert_fine(done)
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"real.json", "gaps.png", "annotated.mp4", "film.mp4", "labels.csv"}
    result = json.loads((tmp_path / "out" / "real.json").read_text())
    assert result["photographs"] == 15
    assert set(result["scores"]) == {"classifier alone", "mean of 5 frames", "memory"}
    for word in ("clean", "out-of-focus", "memory", "100.0", "label changes a minute"):
        assert word in done.out


def test_what_does_not_go_together_is_told(tmp_path):
    out = ("--out", tmp_path / "out")
    assert_told(wolfdog("demo", "--real", *out), "--images")
    assert_told(wolfdog("demo", "--real", "--images", tmp_path, "--thorough", *out), "--thorough")
    assert_told(wolfdog("demo", "--most", 9, *out), "--real")
    assert_told(wolfdog("demo", "--real", "--images", tmp_path, *out), "photographs")
    assert not (tmp_path / "out" / "real.json").exists()
