"""Tables of an earlier run lose no file without a word."""

import shutil
from pathlib import Path

import pytest

from cli_run import assert_fine, assert_told, wolfdog
from job_cards import Quiet, colours, job, results, run
from wolfdog.errors import InputError
from wolfdog.watch import read_predictions
from wolfdog.watch.jobs import part_writer
from wolfdog.watch.jobs.earlier_files import EarlierFile, left_out, read_files
from wolfdog.watch.jobs.folder import JobFolder, earlier_files
from wolfdog.watch.jobs.plan import Deployment
from wolfdog.watch.video.media import Medium

pytestmark = pytest.mark.usefixtures("no_timelines")


def media_in(out):
    return set(read_predictions(out / "predictions.parquet").media)


def test_the_list_holds_all_files_of_the_tables(source, tmp_path):
    run(source, tmp_path)
    files = earlier_files(tmp_path)
    assert len(files) == 16
    assert {one.place for one in files} == {str(path) for path in source.rglob("*.*")}
    assert {one.name for one in files} >= {"a.mp4", "site 0/empty.jpg"}


def test_files_at_other_places_are_not_replaced_without_a_word(source, tmp_path):
    out = tmp_path / "out"
    run(source / "a.mp4", out, sources=[str(source / "a.mp4")])
    before = results(out)
    for replaced in (source / "b.mp4", source / "site 1"):
        labeller = colours()
        with pytest.raises(
            InputError, match=r"holds results of 1 file that this command .*a\.mp4.*--replace"
        ):
            run(replaced, out, labeller=labeller, sources=[str(replaced)])
        assert labeller._classifier.seen == 0
        assert results(out) == before
    totals = run(source / "b.mp4", out, sources=[str(source / "b.mp4")], replace=True)
    assert (totals.media, totals.left_out) == (1, 1)
    assert media_in(out) == {"b.mp4"}
    totals = run(source, out, sources=[str(source)])  # a folder with both: a.mp4 is labelled already
    assert (totals.earlier, totals.left_out) == (2, 0)
    assert {"a.mp4", "b.mp4"} <= media_in(out)


def test_a_folder_of_other_options_is_not_replaced_either(source, tmp_path):
    run(source / "a.mp4", tmp_path, labels={"fps": 2})
    with pytest.raises(InputError, match="which would be lost"):
        run(source / "b.mp4", tmp_path)


def test_files_that_are_gone_from_a_source_leave_the_tables(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    out = tmp_path / "out"
    run(mine, out, sources=[str(mine)])
    (mine / "b.mp4").unlink()
    shutil.rmtree(mine / "site 1")
    count = 16 - sum(1 for _ in mine.rglob("*.*"))
    found = job(mine, out, sources=[str(mine)]).left_out()
    assert (len(found.gone), len(found.unnamed)) == (count, 0)
    assert run(mine, out, sources=[f"{mine}/"]).left_out == count
    assert "b.mp4" not in media_in(out)
    assert run(mine, out, sources=[str(mine)]).left_out == 0


def test_another_card_at_the_place_of_the_first_is_refused(source, tmp_path):
    mine, out = tmp_path / "card", tmp_path / "out"
    shutil.copytree(source / "site 0", mine)
    run(mine, out, sources=[str(mine)])
    before = results(out)
    shutil.rmtree(mine)
    shutil.copytree(source / "site 1", mine / "site 1")
    with pytest.raises(InputError, match=r"no longer there .* more than half of all, .* another card"):
        run(mine, out, sources=[str(mine)])
    assert results(out) == before
    assert run(mine, out, sources=[str(mine)], replace=True).left_out > 0


def test_a_folder_that_was_moved_is_the_same(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    out = tmp_path / "out"
    run(mine, out, sources=[str(mine)])
    moved = mine.rename(tmp_path / "elsewhere")
    totals = run(moved, out, sources=[str(moved)])
    assert (totals.earlier, totals.left_out) == (16, 0)


def test_a_folder_without_its_tables_loses_nothing(source, tmp_path):
    run(source / "a.mp4", tmp_path)
    for name in ("moments.csv", "events.csv", "predictions.parquet"):
        (tmp_path / name).unlink()
    assert run(source / "b.mp4", tmp_path).left_out == 0


def test_tables_that_wolfdog_has_not_made_are_not_replaced(source, tmp_path):
    (tmp_path / "events.csv").write_text("mine")
    with pytest.raises(InputError, match=r"events\.csv: the results would replace this file"):
        run(source, tmp_path)
    assert (tmp_path / "events.csv").read_text() == "mine"


def test_tables_of_a_run_that_was_killed_in_the_end_are_replaced(source, tmp_path, monkeypatch):
    def killed(folder, done):
        raise StoppingError

    monkeypatch.setattr(JobFolder, "make_current", killed)
    with pytest.raises(StoppingError):
        run(source, tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "events.csv").exists()
    assert run(source, tmp_path).whole == 14


class StoppingError(BaseException):
    """An interrupt."""


def test_an_interrupt_keeps_rows_of_files_that_are_labelled_again(source, tmp_path, monkeypatch):
    """As many files are done as before, and one of those before is not among them."""
    monkeypatch.setattr(part_writer, "PERIOD", -1.0)
    mine = tmp_path / "card"
    mine.mkdir()
    shutil.copy(source / "a.mp4", mine / "z.mp4")
    out = tmp_path / "out"
    run(mine, out, sources=[str(mine)])
    before = results(out)
    shutil.copy(source / "b.mp4", mine / "b.mp4")
    with (mine / "z.mp4").open("ab") as file:
        file.write(b"\0" * 9)

    class Stopping(Quiet):
        def labelled(self, deployment, seconds, troubles):
            raise StoppingError

    with pytest.raises(StoppingError):
        run(mine, out, sources=[str(mine)], watch=Stopping())
    assert results(out) == before
    run(mine, out, sources=[str(mine)])
    assert media_in(out) == {"b.mp4", "z.mp4"}


@pytest.mark.parametrize(
    ("place", "sources", "gone"),
    [
        ("/card/a.mp4", ["/card"], True),
        ("/card/a.mp4", ["/card/"], True),
        ("/card/a.mp4", ["/card/a.mp4"], True),
        ("/card/a.mp4", ["/"], True),
        ("/card/a.mp4", ["/card/a"], False),
        ("/card 2/a.mp4", ["/card"], False),
        ("/card/a.mp4", [], False),
        ("s3://cards/2025/a.jpg", ["s3://cards/2025"], True),
        ("s3://cards/2025/a.jpg", ["s3://cards/2025/"], True),
        ("s3://cards/2025/a.jpg", ["s3://cards/2024"], False),
    ],
)
def test_files_below_a_source_are_gone(place, sources, gone):
    other = Deployment("other", [Medium(Path("/card/b.mp4"), "b.mp4", "b")], 0, 0)
    found = left_out([EarlierFile("key", "a", place)], [other], sources)
    assert (len(found.gone), len(found.unnamed)) == (int(gone), int(not gone))


@pytest.mark.parametrize("text", ['["a", "b"]', "{", "5", '{"a": 1}', "[" * 5000])
def test_a_damaged_list_is_told(text, tmp_path):
    (tmp_path / "files").write_text(text + "\n")
    with pytest.raises(InputError, match="is damaged"):
        read_files(tmp_path / "files")


def test_a_live_source_does_not_replace_results(source, tmp_path):
    run(source / "a.mp4", tmp_path)
    before = results(tmp_path)
    ran = wolfdog("watch", "udp://127.0.0.1:9", "--duration", 1, "--out", tmp_path)
    assert_told(ran, "holds results of an earlier run, which would be lost")
    (tmp_path / "127.0.0.1_9").mkdir()
    (tmp_path / "127.0.0.1_9" / "moments.csv").write_text("of a stream")
    ran = wolfdog("watch", "udp://127.0.0.1:9", source / "a.mp4", "--duration", 1, "--out", tmp_path)
    assert_told(ran, "127.0.0.1_9: holds results")
    (tmp_path / "127.0.0.1_9" / "moments.csv").unlink()
    assert results(tmp_path) == before


def test_a_file_in_the_place_of_the_folder_is_told(source, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert_told(wolfdog("watch", source, "--out", tmp_path / "out"), "out: a file, where the folder")


def test_the_command_says_which_files_leave_the_tables(source, tmp_path, monkeypatch):
    monkeypatch.setattr("wolfdog.watch.labelling.loading.load_labeller", lambda options: colours())
    mine, out = tmp_path / "card", tmp_path / "out"
    mine.mkdir()
    shutil.copy(source / "a.mp4", mine)
    shutil.copy(source / "b.mp4", mine)
    assert_fine(wolfdog("watch", mine, "--out", out))
    for more in ([], ["--dry-run"]):
        ran = wolfdog("watch", source / "a.mp4", "--out", out, *more)
        assert_told(
            ran, "holds results of 2 files that this command does not name", str(mine / "b.mp4"), "--replace"
        )
    ran = wolfdog("watch", source / "a.mp4", "--out", out, "--replace", "--dry-run")
    assert_fine(ran)
    assert "2 files of an earlier run are not named now, and their rows leave the tables" in ran.out
    (mine / "b.mp4").unlink()
    line = f"1 file of an earlier run is gone, and its rows leave the tables: {mine / 'b.mp4'}\n"
    assert line in wolfdog("watch", mine, "--out", out, "--dry-run").out
    assert media_in(out) == {"a.mp4", "b.mp4"}
    ran = wolfdog("watch", mine, "--out", out)
    assert_fine(ran)
    assert line in ran.out
    assert "1 of 1 videos; 1 file of an earlier run left the tables" in ran.out
    assert media_in(out) == {"a.mp4"}
