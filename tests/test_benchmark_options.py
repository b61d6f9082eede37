"""Options of the benchmarks: what cannot be done is refused before any work, in one line and with exit status 2."""

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from wolfdog.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


def refused(script: str, arguments: list[str], monkeypatch, capsys) -> str:
    """The line that a script ends with."""
    monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
    with pytest.raises(SystemExit) as ended, np.errstate():
        runpy.run_path(str(BENCHMARKS / f"{script}.py"), run_name="__main__")
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith(f"{script}.py")
    return told.err


NEEDED = {
    "literature": [],
    "babi": [],
    "photographs": ["--images", "."],
    "clips": ["."],
    "animal_sequences": ["--data", "x"],
}


@pytest.mark.parametrize(
    ("script", "option"),
    [
        *((script, "--json") for script in ("animal_sequences", "babi", "clips", "copy_task", "explanation",
          "literature", "memory_variants", "photographs", "smoothing", "speed")),
        ("clips", "--bank"), ("confusions", ""), ("differential", "--log"), ("memory_harm", "--bank"),
        ("photographs", "--bank"), ("photographs", "--plot"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_written_is_found_before_any_work(
    script, option, tmp_path, monkeypatch, capsys
):
    given = [option] if option else []
    needed = NEEDED.get(script, [])
    told = refused(script, [*needed, *given, str(tmp_path / "none" / "out.png")], monkeypatch, capsys)
    assert f"there is no folder {tmp_path / 'none'}. Choose another path." in told
    told = refused(script, [*needed, *given, str(tmp_path)], monkeypatch, capsys)
    assert "a folder of this name is there" in told


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("literature", "--json x --seeds -1", "--seeds: expected a whole number, 0 to 4294967295; got '-1'."),
        ("literature", "--json x --mnist none", "argument --mnist: 'none': no such folder. Check the path."),
        ("literature", "--json x --only mnist --mnist .", "--mnist .: mnist needs mnist.npz, and no such file"),
        ("literature", "--json x --mnist .", "--mnist .: mnist needs mnist.npz, and no such file"),
        ("literature", "--json x --only mnist", "--only mnist: --mnist DIR with mnist.npz is needed."),
        ("literature", "--json x --only anbncn --models two-way#GRU", "no chosen row has such a model"),
        ("babi", "--json x --seeds 0", "--seeds: expected a whole number, 1 or more; got '0'."),
        ("babi", "--json x --seeds -1", "--seeds: expected a whole number, 1 or more; got '-1'."),
        ("babi", "--json x --data none", "--data: 'none': no such folder."),
        ("confusions", "x --steps 0", "--steps: expected a whole number, 1 or more; got '0'."),
        ("confusions", "x --steps -1", "--steps: expected a whole number, 1 or more; got '-1'."),
        ("confusions", "x --rows 0", "--rows: expected a whole number, 1 or more; got '0'."),
        ("photographs", "--images nope", "--images: 'nope': no such folder. Check the path."),
        ("photographs", "--images . --plot x.txt", "--plot: 'x.txt': expected a name ending in .png, .svg, .pdf."),
        ("photographs", "--images . --distractors fox", "--distractors fox: no such folder in '.'. Check the name."),
        ("animal_sequences", "--data x --json y --memories gruu", "gruu"),
        ("quantization", "chorales nope", "argument file: 'nope': no such file. Check the path."),
        ("classifier_clips", ". --labels nope", "--labels: 'nope': no such file. Check the path."),
        ("clips", ". --minutes nan", "--minutes: expected a number above 0; got 'nan'."),
        ("clips", ". --minutes many", "--minutes: expected a number above 0; got 'many'."),
        ("copy_task", "--steps few", "--steps: expected a whole number, 1 or more; got 'few'."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(script, arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [argument.replace("#", " ") for argument in arguments.split()]
    assert said in refused(script, given, monkeypatch, capsys)
    assert list(tmp_path.iterdir()) == []


def test_other_paths_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    told = refused("confusions", [str(tmp_path / ("x" * 300))], monkeypatch, capsys)
    assert "File name too long" in told
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "not a regular file" in refused("confusions", [str(tmp_path / "pipe")], monkeypatch, capsys)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    told = refused("confusions", [str(tmp_path / "out.csv")], monkeypatch, capsys)
    assert f"the folder {tmp_path} cannot be written to" in told


def test_an_error_of_wolfdog_is_one_line_and_any_other_is_not(monkeypatch, capsys):
    import command_line

    def fail(error: Exception) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["folder/some.py"])
    with pytest.raises(SystemExit) as ended:
        command_line.run(lambda: fail(InputError("wrong. Correct it.")))
    assert (ended.value.code, capsys.readouterr().err) == (2, "some.py: wrong. Correct it.\n")
    with pytest.raises(ZeroDivisionError):
        command_line.run(lambda: fail(ZeroDivisionError()))


def test_what_is_right_is_taken(tmp_path):
    import command_line

    assert command_line.file_to_write(str(tmp_path / "new.json")) == tmp_path / "new.json"
    (tmp_path / "old.json").touch()
    assert command_line.file_to_write(str(tmp_path / "old.json")) == tmp_path / "old.json"
    assert command_line.picture_to_write(str(tmp_path / "new.PNG")) == tmp_path / "new.PNG"
    assert command_line.folder(str(tmp_path)) == tmp_path
    assert (command_line.seed("7"), command_line.positive("0.5")) == (7, 0.5)
