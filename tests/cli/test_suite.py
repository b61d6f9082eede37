"""wolfdog demo --world and --suite, on trainings of a few steps."""

import json
from dataclasses import replace

import pytest

from cli_run import assert_told, wolfdog
from wolfdog.cli import suite as suite_command
from wolfdog.errors import InputError
from wolfdog.tv.events import EVENT_WORLDS, load_event_world, save_event_world
from wolfdog.watch import suite
from wolfdog.watch.suite import SuiteRun, SuiteSettings
from wolfdog.watch.suite import run as suite_run
from wolfdog.watch.training.trainer import OptimizerSettings

TINY = SuiteSettings(
    OptimizerSettings(steps=3, learning_rate=5e-3),
    streams=4,
    chunk=16,
    hidden=8,
    test_streams=2,
    test_events=1024,
    longest_test=1024,
)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(suite, "SuiteSettings", lambda: TINY)
    monkeypatch.setattr(suite_command, "replace", lambda settings, **changed: settings)


def run_of(world="pair", memory="lstm", seed=0, shortfall=0.01, learned=40) -> SuiteRun:
    empty = (None,) * len(suite.SUITE_GAPS)
    gaps, counts = (shortfall, *empty[1:]), (10, *(0,) * (len(empty) - 1))
    return SuiteRun(world, memory, seed, shortfall, gaps, (gaps,), counts, 0.9, 0.91, learned, 1.0, 100)


def test_worlds_by_name_and_from_a_file(tiny, tmp_path):
    mine = tmp_path / "mine.toml"
    save_event_world(replace(load_event_world("parity"), name="mine"), mine)
    done = wolfdog(
        "demo",
        "--world",
        f"facts-2, {mine}",
        "--memories",
        "lstm,attention",
        "--quick",
        "--workers",
        1,
        "--out",
        tmp_path / "out",
    )
    assert done.status == 0, done.err
    found = json.loads((tmp_path / "out" / "suite.json").read_text())
    assert {(run["world"], run["memory"], run["seed"]) for run in found["runs"]} == {
        (world, memory, 0) for world in ("facts-2", "mine") for memory in ("lstm", "attention")
    }
    for run in found["runs"]:
        assert 0 <= run["shortfall"] <= 1
        assert len(run["by_gap"]) == len(run["counts"]) == len(found["gaps"])
        assert len(run["by_fact"]) == (2 if run["world"] == "facts-2" else 1)
    text = (tmp_path / "out" / "suite.md").read_text()
    for word in ("| facts-2 |", "## mine", "lstm, fact 2"):
        assert word in text
    assert "facts-2" in done.out


def test_runs_that_are_known_are_not_repeated(tiny, tmp_path, monkeypatch):
    arguments = ("demo", "--world", "pair", "--memories", "gru", "--quick", "--workers", 1, "--out", tmp_path)
    first = wolfdog(*arguments)
    assert first.status == 0, first.err
    before = json.loads((tmp_path / "suite.json").read_text())
    monkeypatch.setattr(suite_run, "_run", None)
    assert wolfdog(*arguments).status == 0
    assert json.loads((tmp_path / "suite.json").read_text()) == before
    monkeypatch.setattr(suite, "SuiteSettings", lambda: replace(TINY, hidden=9))
    assert_told(wolfdog(*arguments), "other settings")
    (tmp_path / "suite.json").write_text("{}")
    assert_told(wolfdog(*arguments), "not a file of the suite")


@pytest.mark.slow
def test_processes_give_the_same(tmp_path):
    worlds = {"parity": load_event_world("parity")}
    alone, together = (
        suite.run_suite(
            worlds, ["elman", "gru"], [3], tmp_path / f"{workers}.json", settings=TINY, workers=workers
        )
        for workers in (1, 2)
    )
    assert [replace(run, seconds=0.0) for run in alone] == [replace(run, seconds=0.0) for run in together]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--world", "elephants"), "elephants"),
        (("--suite", "--world", "pair"), "leave out --world"),
        (("--suite", "--images", "x"), "--images"),
        (("--suite", "--quick", "--thorough"), "contradict"),
        (("--suite", "--memories", "elephant"), "--memories"),
        (("--quick",), "--quick is for"),
    ],
)
def test_options_that_contradict_each_other(options, said, tmp_path):
    assert_told(wolfdog("demo", "--out", tmp_path / "out", *options), said)


def test_means_spreads_and_times():
    runs = [
        run_of(shortfall=0.01),
        run_of(seed=1, shortfall=0.03, learned=60),
        run_of(memory="gru", learned=None),
    ]
    assert suite_command.suite_rows(runs) == [
        ["world", "lstm", "gru"],
        ["pair", "0.020 ± 0.014 (50)", "0.010 (-)"],
    ]
    assert suite_command.gap_rows_of(runs) == [["memory", "1-9"], ["lstm", "0.020"], ["gru", "0.010"]]
    assert suite_command.suite_lines(runs)[1] == "| --- | ---: | ---: |"


def test_a_world_that_asks_nothing_is_refused(tmp_path):
    worlds = {"pair": load_event_world("pair").denser((0.0, 0.0, 0.0))}
    with pytest.raises(InputError, match="no ambiguous look"):
        suite.run_suite(worlds, ["gru"], [0], tmp_path / "suite.json", settings=TINY)


def test_long_worlds_have_long_tests():
    settings = SuiteSettings()
    assert settings.events(load_event_world("pair")) == settings.test_events
    assert settings.events(load_event_world("long")) == 100_000
    assert len(EVENT_WORLDS) == len(set(EVENT_WORLDS))
