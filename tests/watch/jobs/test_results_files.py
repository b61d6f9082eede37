import pytest

from wolfdog.errors import InputError
from wolfdog.watch.jobs.results_files import results_in


def names(folder, out):
    return [one.name for one in results_in(str(folder), out)]


def test_a_folder_of_watch_is_its_predictions(tmp_path):
    for name in ("predictions.parquet", "moments.csv", "events.csv", "errors.csv", "other.json"):
        (tmp_path / name).touch()
    assert names(tmp_path, tmp_path / "out") == ["other.json", "predictions.parquet"]


def test_tables_on_their_own_are_results(tmp_path):
    (tmp_path / "moments.csv").touch()
    (tmp_path / "errors.csv").touch()  # of an earlier run of smooth: it lists files without results
    assert names(tmp_path, tmp_path / "out") == ["moments.csv"]


def test_hidden_files_and_the_output_are_passed_over(tmp_path):
    for name in ("b.csv", ".a.csv", "out/b.csv", "sub/c.parquet", ".git/d.csv", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path, tmp_path / "out") == ["b.csv", "sub/c.parquet"]
    assert names(tmp_path / "b.csv", tmp_path / "out") == ["b.csv"]


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(InputError, match="no results in this folder"):
        names(tmp_path, tmp_path / "out")
