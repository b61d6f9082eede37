import io
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from cli_run import Ran, assert_fine, assert_told, wolfdog
from wolfdog.cli import screen
from wolfdog.cli.app import app

COMMANDS = (
    "demo", "tv", "train", "watch", "live", "evaluate", "explain", "export", "report", "smooth", "pretrain"
)  # fmt: skip


def test_every_command_explains_itself():
    named = {command.callback.__name__ for command in app.registered_commands}
    assert named == set(COMMANDS)
    overview = wolfdog("--help")
    assert_fine(overview)
    for command in COMMANDS:
        assert command in overview.out
        ran = wolfdog(command, "--help")
        assert_fine(ran)
        assert f"wolfdog {command} [OPTIONS]" in " ".join(ran.out.split())


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_which_watcher_is_meant_where_none_is_named(command):
    said = " ".join(wolfdog(command, "--help").out.replace("│", " ").split())
    assert "the one that comes with wolfdog" in said


def test_the_version():
    assert wolfdog("--version").out == f"wolfdog {version('wolfdog')}\n"


def test_the_package_is_a_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "wolfdog", "--version"], capture_output=True, text=True, check=False
    )
    assert_fine(Ran(done.returncode, done.stdout, done.stderr))
    assert done.stdout == f"wolfdog {version('wolfdog')}\n"


def test_the_installed_command_tells_a_mistake_in_one_line(tmp_path):
    command = [Path(sys.executable).parent / "wolfdog", "watch", tmp_path / ("long " * 30 + "[red] {x}.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert_told(Ran(done.returncode, done.stdout, done.stderr), "[red] {x}.mp4", "no such file or folder")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    ran = wolfdog("export", "--out", tmp_path / "file" / "watcher.onnx")
    assert_told(ran, f"{tmp_path / 'file'}: File exists. Choose another place.", status=1)


def test_what_is_neither_file_nor_folder_is_told():
    assert_told(wolfdog("watch", os.devnull), f"{os.devnull}: neither a file nor a folder.")


def test_a_part_of_no_photographs_is_told(tmp_path):
    assert_told(wolfdog("tv", "--out", tmp_path, "--part", "test"), "--images DIR")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--switch-every", -1, "seconds from 0.2 to"),
        ("--shot-length", "nan", "seconds from 0.6 to"),
        ("--informative-rate", 3, "a share from 0 to 1"),
    ],
)
def test_numbers_of_a_broadcast_are_told_by_their_option(tmp_path, option, value, expected):
    assert_told(wolfdog("tv", "--out", tmp_path, option, value), f"{option}: expected {expected}")


def test_help_is_wrapped_to_the_terminal():
    for command in app.registered_commands:
        assert "\n" not in command.help.replace("\n\n", "")
    assert "\n\n" in "".join(command.help for command in app.registered_commands)


def test_the_check_of_one_line_sees_what_is_wrong():
    assert_told(Ran(2, "", "wolfdog: no\n"), "no")
    for ran in (
        Ran(1, "", "wolfdog: no\n"),
        Ran(2, "", "wolfdog: no\nand more\n"),
        Ran(2, "", "no\n"),
        Ran(2, "Traceback", "wolfdog: no\n"),
        Ran(2, "", "wolfdog: yes\n"),
    ):
        with pytest.raises(AssertionError):
            assert_told(ran, "no")
    for ran in (Ran(1, "", ""), Ran(0, "", "warning\n")):
        with pytest.raises(AssertionError):
            assert_fine(ran)


def test_an_error_of_ours_is_not_hidden(monkeypatch):
    def fail(path=None):
        raise ZeroDivisionError

    monkeypatch.setattr("wolfdog.watch.model.watcher.Watcher.load", fail)
    with pytest.raises(ZeroDivisionError):
        wolfdog("watch", __file__, "--model", "painted-television")


def test_nothing_heavy_is_loaded_to_print_help():
    code = (
        "import sys; from wolfdog.cli.app import app\nprint({'matplotlib', 'av', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("title", ["learning", "a [/] [red] {x} {task} %s.mp4"])
def test_stages_take_any_title_and_note(monkeypatch, terminal, title):
    console = Console(record=True, force_terminal=terminal, width=200, file=io.StringIO())
    monkeypatch.setattr(screen, "console", console)
    stages = screen.StageBars(2)
    for _ in range(2):
        with stages(title, 10) as done:
            done(5, "loss [/] {y}")
            done(10, "loss 0.1")
    text = console.export_text()
    for number in (1, 2):
        assert f"{number}/2 {title}" in text
    assert "loss 0.1" in text


def test_percent():
    assert (screen.percent(0.98765), screen.percent(None)) == ("98.8", "-")
