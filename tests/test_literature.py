"""The benchmark on published results: its rows and its table, on trainings of a few steps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from published_files import write_digits, write_music, write_scores, write_stories
from wolfdog.errors import InputError


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")


def small(task):
    """Task of a row that is learned in a moment."""
    from published import actions, answers, digits, music, synthetic

    if isinstance(task, synthetic.Synthetic):
        return replace(task, units=4, steps=20, batch=4)
    if isinstance(task, music.Music):
        return replace(task, units=4, epochs=2)
    if isinstance(task, digits.Digits):
        return replace(task, units=4, batch=4)
    if isinstance(task, actions.Actions):
        return replace(task, units=4, epochs=2)
    assert isinstance(task, answers.Answers)
    return replace(task, questions=40, epochs=2)


def test_each_kind_of_row_is_run_and_written_once(tmp_path, monkeypatch, capsys):
    import literature
    from published import synthetic

    rows = ("embedded-reber", "copying-100", "mnist", "jsb", "gtea", "babi-1")
    for name in rows:
        monkeypatch.setitem(
            literature.ROWS, name, replace(literature.ROWS[name], task=small(literature.ROWS[name].task))
        )
    monkeypatch.setattr(synthetic, "TESTED", 100)
    write_digits(tmp_path / "mnist.npz")
    write_music(tmp_path / "JSB_Chorales.mat")
    write_scores(tmp_path / "gtea_SVM.npz")
    write_stories(tmp_path, 1)
    out = tmp_path / "out.json"
    folders = [text for name in literature.FOLDERS for text in (f"--{name}", str(tmp_path))]
    arguments = ["--json", str(out), "--only", *rows, "--quick", *folders]
    literature.main([*arguments, "--models", "LSTM"])
    runs = json.loads(out.read_text())
    assert [run["row"] for run in runs] == list(rows)
    assert all(set(run["milliseconds"]) == {"wolfdog", "torch.nn"} for run in runs)
    assert all(0 <= run["score"] <= 100 for run in runs)
    assert all(run["seconds"] > 0 for run in runs)
    told = capsys.readouterr()
    assert "| embedded-reber | LSTM |" in told.out
    monkeypatch.setattr(literature, "run", None)
    literature.main([*arguments, "--models", "LSTM"])


def test_other_models_than_an_lstm_are_run(tmp_path, monkeypatch, capsys):
    import literature
    from published import synthetic

    for name in ("anbncn", "jsb", "gtea", "babi-2", "babi-3"):
        row = literature.ROWS[name]
        monkeypatch.setitem(literature.ROWS, name, replace(row, task=small(row.task)))
    monkeypatch.setattr(synthetic, "TESTED", 100)
    write_music(tmp_path / "JSB_Chorales.mat")
    write_scores(tmp_path / "gtea_SVM.npz")
    write_stories(tmp_path, 2)
    write_stories(tmp_path, 3)
    arguments = ["--only", "anbncn", "jsb", "gtea", "babi-2", "babi-3", "--quick"]
    arguments += ["--models", "coupled LSTM", "GRU, reset before product", "two-way GRU", "memory network"]
    arguments += ["--scores", str(tmp_path), "--stories", str(tmp_path), "--music", str(tmp_path)]
    literature.main(["--json", str(tmp_path / "out.json"), *arguments])
    runs = json.loads((tmp_path / "out.json").read_text())
    names = [(run["row"], run["model"]) for run in runs]
    assert names == [
        ("anbncn", "coupled LSTM"),
        ("jsb", "coupled LSTM"),
        ("jsb", "GRU, reset before product"),
        ("gtea", "coupled LSTM"),
        ("gtea", "two-way GRU"),
        ("babi-2", "memory network"),
        ("babi-2", "coupled LSTM"),
        ("babi-3", "memory network"),
        ("babi-3", "coupled LSTM"),
    ]
    assert [len(run["milliseconds"]) for run in runs] == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert "up_to" in runs[0]
    assert "n up to" in capsys.readouterr().out


def test_rows_without_a_folder_are_left_out_where_all_are_run(tmp_path, capsys):
    import literature

    write_stories(tmp_path, 1)
    given = {"music": None, "mnist": None, "scores": None, "stories": tmp_path}
    assert list(literature.folders(("anbncn", "babi-1", "mnist"), False, given)) == ["anbncn", "babi-1"]
    assert capsys.readouterr().err == "mnist: left out; --mnist DIR with mnist.npz is needed\n"
    with pytest.raises(InputError, match=r"babi-2 needs qa2_\*_train.txt and qa2_\*_test.txt, and no such"):
        literature.folders(("babi-2",), False, given)


def test_a_file_of_something_else_is_refused(tmp_path):
    import literature

    (tmp_path / "out.json").write_text("[{}]")
    with pytest.raises(InputError, match="not a file of this script"):
        literature.main(["--json", str(tmp_path / "out.json"), "--only", "anbncn"])
