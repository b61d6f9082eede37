"""wolfdog demo --world and --suite, on trainings of a few steps."""

import json
import multiprocessing
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
    return SuiteRun(world, memory, seed, shortfall, gaps, (gaps,), counts, 0.9, 0.91, learned, 1.0, 100, "0f")


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


@pytest.fixture
def untrained(tiny, monkeypatch):
    """Runs without training: that a run is made at all is what the tests see."""

    def run(name, job):
        made = replace(run_of(name, job.memory, job.seed), digest=job.world.digest)
        return replace(made, by_fact=made.by_fact * len(job.world.facts))

    monkeypatch.setattr(suite_run, "_run", run)


def demo(out, world, *options):
    return wolfdog("demo", "--world", world, "--memories", "gru", "--workers", 1, "--out", out, *options)


def test_a_world_file_that_was_changed_has_no_known_runs(untrained, tmp_path):
    mine = tmp_path / "mine.toml"
    for share in (0.2, 0.4):
        save_event_world(replace(load_event_world("parity"), name="mine", ambiguous_share=share), mine)
        done = demo(tmp_path / "out", mine)
        if share == 0.2:
            assert done.status == 0, done.err
    assert_told(done, "suite.json: has runs of another world named 'mine'", "Choose another folder")
    assert done.out == ""
    assert demo(tmp_path / "other", mine).status == 0


def test_two_worlds_of_one_name_are_refused(untrained, tmp_path):
    save_event_world(load_event_world("parity"), tmp_path / "own.toml")
    for worlds in ("parity,parity", f"parity,{tmp_path / 'own.toml'}"):
        assert_told(demo(tmp_path / "out", worlds), "--world: the world 'parity' occurs twice")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["[bold]x[/bold] [/red]", "my world [v2]", ":bear:"])
def test_names_that_look_like_markup_are_shown_as_they_are(name, untrained, tmp_path):
    save_event_world(replace(load_event_world("parity"), name=name), tmp_path / "own.toml")
    done = demo(tmp_path / "out :bear:", tmp_path / "own.toml")
    assert done.status == 0, done.err
    assert name in done.out
    assert f"{tmp_path / 'out :bear:'}: suite.json" in done.out


def test_names_that_look_like_markdown_keep_the_table_whole():
    assert suite_command.suite_lines([run_of(world="a/b|c [v2]")])[2].startswith(r"| a/b\|c \[v2\] | 0.010")
    assert suite_command.gap_lines([run_of(world="<b>")])[0] == r"## \<b\>"


def test_tables_hold_the_runs_of_earlier_commands(untrained, tmp_path):
    for world in ("parity", "last"):
        done = demo(tmp_path, world)
        assert done.status == 0, done.err
    assert "parity" not in done.out
    text = (tmp_path / "suite.md").read_text()
    for line in ("| last | 0.010 ± 0.000 (40) |", "| parity | 0.010 ± 0.000 (40) |", "## last", "## parity"):
        assert line in text
    assert demo(tmp_path, "last", "--memories", "lstm").status == 0
    assert "| parity |  | 0.010" in (tmp_path / "suite.md").read_text()


@pytest.mark.parametrize("name", ["suite.json", "suite.md"])
def test_a_folder_in_the_way_is_told_before_any_training(name, untrained, tmp_path, monkeypatch):
    monkeypatch.setattr(suite_run, "_run", None)
    (tmp_path / name).mkdir()
    assert_told(demo(tmp_path, "last"), f"{tmp_path / name}: expected a file, got a folder")


def test_a_folder_that_cannot_be_written_into_is_told_before_any_training(tiny, tmp_path, monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied", f"{options['dir']}/tmp123")

    monkeypatch.setattr(suite_run, "_run", None)
    monkeypatch.setattr(suite_command, "TemporaryFile", refuse)
    done = demo(tmp_path, "last")
    assert_told(done, f"cannot write into {tmp_path}: Permission denied. Choose another folder.")
    (tmp_path / "file").touch()
    assert_told(demo(tmp_path / "file", "last"), f"cannot write into {tmp_path / 'file'}: File exists")


@pytest.mark.slow
def test_an_interrupt_ends_the_processes_and_keeps_the_runs(tmp_path):
    worlds, out = {"parity": load_event_world("parity")}, tmp_path / "suite.json"

    def interrupt(run, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        suite.run_suite(
            worlds, ["gru", "elman", "lstm"], [0], out, settings=TINY, workers=2, report=interrupt
        )
    assert not multiprocessing.active_children()
    assert len(suite.read_runs(out, TINY)) == 1


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
        (("--suite", "--memories", ""), "--memories: got ''"),
        (("--suite", "--world", ""), "leave out --world"),
        (("--world", ""), "world '': expected pair, "),
        (("--world", "", "--quick"), "world '': expected pair, "),
        (("--world", "pair,"), "world '': expected pair, "),
        (("--memories", ""), "--memories: got ''"),
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
