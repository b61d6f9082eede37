"""Mutated files of every kind: each is read, or refused with one of wolfdog's errors."""

import random

import pytest

import hostile_inputs
from hostile_inputs import KINDS, attempt, campaign, in_fork, mutated, seeds


@pytest.mark.parametrize("kind", KINDS)
def test_mutations_are_read_or_refused(kind, tmp_path):
    assert campaign(kind, 25, tmp_path) == []


def test_valid_files_are_read(tmp_path):
    files = [path for paths in seeds(tmp_path).values() for path in paths]
    assert len(files) > 15
    for path in files:
        assert attempt(path) is None, path


def test_a_mutation_changes_the_file():
    data = bytes(range(200))
    changed = {mutated(data, random.Random(seed), [data]) for seed in range(50)}
    assert len(changed) > 40
    assert data not in changed or len(changed) > 45


def test_faults_are_seen(tmp_path, monkeypatch):
    def broken(path):
        raise KeyError("a fault")

    monkeypatch.setattr(hostile_inputs, "readers", lambda path: [broken])
    assert "a fault" in campaign("json", 1, tmp_path)[0]
    monkeypatch.setattr(hostile_inputs, "readers", lambda path: [lambda path: None])
    monkeypatch.setattr(hostile_inputs, "SECONDS", -1.0)
    assert "broken" not in campaign("json", 1, tmp_path)[0]


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_mutations(kind, tmp_path):
    for seed in range(20):
        assert in_fork(kind, 500, tmp_path / str(seed), seed) == []
