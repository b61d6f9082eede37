"""wolfdog smooth: results of any classifier with a memory."""

import csv

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from wolfdog.errors import InputError
from wolfdog.watch.smoothing.options import method_of

# One raccoon on seven frames in a row, as a classifier of single frames reads it.
RACCOON = "file,datetime,label,score\n" + "".join(
    f"cam/{n}.jpg,2026-05-30 04:57:{n:02},{label},{score}\n"
    for n, (label, score) in enumerate(
        [("raccoon", 0.9), ("badger", 0.5), ("badger", 0.45), ("blank", 0.5), ("opossum", 0.4), ("raccoon", 0.8),
         ("blank", 0.6)]
    )
)  # fmt: skip


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(RACCOON)
    return path


def test_one_raccoon_is_no_badger_and_no_opossum(results, tmp_path):
    out = tmp_path / "smoothed.csv"
    run = wolfdog("smooth", results, "--out", out, "--lookahead")
    assert_fine(run)
    assert "7 rows of 1 deployment; labels changed: " in run.out
    labels = [row["context"] for row in csv.DictReader(out.read_text().splitlines())]
    assert set(labels) == {"raccoon", "blank"}
    assert labels[:3] == ["raccoon"] * 3


def test_methods_and_options(results, tmp_path):
    listed = wolfdog("smooth", "--methods")
    assert_fine(listed)
    assert "megadetector" in listed.out
    out = tmp_path / "smoothed.csv"
    assert_fine(wolfdog("smooth", results, "--out", out, "--method", "majority", "--option", "frames=3"))
    assert method_of("majority", ["frames=3"]).frames == 3
    for name, option, message in (
        ("odd", "", "method must be one of memory"),
        ("mean", "frames", "expected an option as name=value"),
        ("mean", "gap=3", "expected an option as name=value, with a name of frames"),
        ("mean", "frames=many", "option frames: expected a whole number, got 'many'"),
        ("hmm", "em=perhaps", "expected true or false"),
    ):
        with pytest.raises(InputError, match=message):
            method_of(name, [option] if option else [])


def test_several_files_and_names_that_meet(results, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(RACCOON)
    folder = tmp_path / "out"
    assert_fine(wolfdog("smooth", results, other, "--out", folder))
    assert sorted(path.name for path in folder.iterdir()) == ["other.csv", "results.csv"]
    for arguments, message in (
        ((results, "--out", results), "would replace the results that are read"),
        ((results, other, "--out", tmp_path / "one.csv"), "need a folder"),
        ((results, results, "--out", folder), "two files of results have this name"),
    ):
        assert_told(wolfdog("smooth", *arguments), message)
    assert results.read_text() == RACCOON
