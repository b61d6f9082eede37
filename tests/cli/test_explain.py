"""wolfdog explain: the moments that made a label."""

import csv

import pytest

from cli_run import assert_fine, assert_told, wolfdog

SCORES = [
    ("raccoon", 0.9),
    ("raccoon", 0.8),
    ("deer", 0.6),
    ("raccoon", 0.9),
    ("badger", 0.35),
    ("badger", 0.9),
]


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.csv"
    lines = [f"cam/{n}.jpg,2026-05-30 04:57:{n:02},{name},{p}" for n, (name, p) in enumerate(SCORES)]
    path.write_text("\n".join(["file,datetime,label,score", *lines]) + "\n")
    return path


@pytest.mark.parametrize(("method", "label"), [("memory", "badger"), ("hmm", "raccoon")])
def test_the_moments_of_a_label(results, method, label, tmp_path):
    out = tmp_path / "evidence.csv"
    ran = wolfdog("explain", results, "--at", "04:57:04", "--method", method, "--out", out)
    assert_fine(ran)
    assert f"cam/4.jpg 2026-05-30T04:57:04Z: context {label}" in ran.out
    assert "snapshot badger 0.35" in ran.out
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert sorted((row["file"], row["frames"]) for row in rows) == [
        ("cam/0.jpg", "2"),
        ("cam/2.jpg", "1"),
        ("cam/3.jpg", "1"),
    ]
    assert rows[0]["snapshot"] == "raccoon"  # frames of raccoons speak for a raccoon, and against a badger
    assert (float(rows[0]["contribution"]) > 0) == (label == "raccoon")


def test_runs_after_what_is_farther(results):
    ran = wolfdog("explain", results, "--file", "4.jpg", "--by", "nearest")
    assert_fine(ran)
    assert ran.out.count("cam/") == 4  # the moment itself, and three runs


def test_single_frames_and_the_quick_form(results):
    for more in (("--by", "frame"), ("--quick",), ("--quick", "--lookahead")):
        ran = wolfdog("explain", results, "--file", "4.jpg", *more)
        assert_fine(ran)
        assert ran.out.count("cam/") == (6 if "--lookahead" in more else 5)


def test_mistakes_are_told(results):
    assert_told(wolfdog("explain", results), "which of 6 frames")
    assert_told(
        wolfdog("explain", results, "--at", "04:57:04", "--method", "majority", "--quick"), "no gradients"
    )
    assert_told(wolfdog("explain", results, "--at", "04:57:00"), "it is the first of its deployment")
