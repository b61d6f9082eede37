"""Jobs: they go on where they stopped, and their tables are those of an undisturbed run."""

import csv
import os
import shutil
import signal

import pytest

from job_cards import Quiet, colours, job, results, run
from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.watch import read_predictions
from wolfdog.watch.jobs import part_writer
from wolfdog.watch.jobs.folder import JobFolder, without_products
from wolfdog.watch.jobs.journal import Journal
from wolfdog.watch.recorder import RecordOptions
from wolfdog.watch.video.listing import list_media

pytestmark = pytest.mark.usefixtures("no_timelines")


@pytest.fixture(scope="module")
def quiet(source, tmp_path_factory):
    """Results of an undisturbed run."""
    out = tmp_path_factory.mktemp("quiet")
    run(source, out)
    return results(out)


@pytest.fixture
def every_deployment(monkeypatch):
    """Each deployment is committed on its own."""
    monkeypatch.setattr(part_writer, "PERIOD", -1.0)


class StoppingError(BaseException):
    """An interrupt."""


def stopping(after, *, error=StoppingError):
    """A labeller that is interrupted while it classifies frame number `after`."""
    labeller = colours()
    classifier = labeller._classifier
    infer = classifier.infer

    def counted(images):
        if classifier.seen + len(images) > after:
            raise error
        return infer(images)

    classifier.infer = counted
    return labeller


def test_a_run_writes_all_tables(source, tmp_path):
    watch = Quiet()
    totals = run(source, tmp_path, watch=watch)
    assert (totals.media, totals.images, totals.whole, totals.moments) == (16, 13, 14, 24)
    assert watch.begun == (["a.mp4", "b.mp4", "broken.mp4", "site 0", "site 1", "site 2"], 0)
    assert [name for name, _ in watch.troubles] == ["broken.mp4", "site 0/empty.jpg"]
    with (tmp_path / "errors.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["file"], row["error"]) for row in csv.DictReader(file)] == watch.troubles
    table = read_predictions(tmp_path / "predictions.parquet")
    assert len(table) == 24
    assert list(dict.fromkeys(table.deployment)) == ["a.mp4", "b.mp4", "site 0", "site 1", "site 2"]
    with (tmp_path / "moments.csv").open(newline="", encoding="utf-8") as file:
        assert [row["video"] for row in csv.DictReader(file)] == table.media.tolist()


@pytest.mark.parametrize("after", range(0, 24, 5))
@pytest.mark.usefixtures("every_deployment")
def test_an_interrupted_run_goes_on_and_does_only_what_is_left(source, quiet, tmp_path, after):
    with pytest.raises(StoppingError):
        run(source, tmp_path, labeller=stopping(after))
    labeller = colours()
    run(source, tmp_path, labeller=labeller)
    assert results(tmp_path) == quiet
    assert (
        labeller._classifier.seen <= 24 - after + 12
    )  # no deployment has more frames than 8, no batch more than 4
    assert not list(tmp_path.rglob(".new-*"))
    again = colours()
    totals = run(source, tmp_path, labeller=again)
    assert (again._classifier.seen, totals.earlier, totals.waiting) == (0, 16, 0)
    assert results(tmp_path) == quiet


@pytest.mark.usefixtures("every_deployment")
def test_an_interrupt_leaves_the_tables_of_what_was_done(source, tmp_path):
    job_ = job(source, tmp_path)
    labeller = stopping(13)
    with pytest.raises(StoppingError):
        job_.run(lambda: labeller, Quiet(), labeller=labeller)
    assert job_.kept == 3
    assert set(read_predictions(tmp_path / "predictions.parquet").media) == {"a.mp4", "b.mp4"}


@pytest.mark.usefixtures("every_deployment")
def test_an_interrupt_right_after_an_entry_was_written(source, quiet, tmp_path, monkeypatch):
    written, count = Journal.append, 0

    def interrupted(journal, entries):
        nonlocal count
        written(journal, entries)
        if journal.path.name == "journal" and (count := count + 1) == 2:
            raise StoppingError

    monkeypatch.setattr(Journal, "append", interrupted)
    job_, labeller = job(source, tmp_path), colours()
    with pytest.raises(StoppingError):
        job_.run(lambda: labeller, Quiet(), labeller=labeller)
    assert job_.kept == 2
    assert set(read_predictions(tmp_path / "predictions.parquet").media) == {"a.mp4", "b.mp4"}
    monkeypatch.undo()
    run(source, tmp_path)
    assert results(tmp_path) == quiet


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.usefixtures("every_deployment")
def test_a_kill_at_any_moment_loses_nothing(source, quiet, tmp_path):
    """A fork of this process kills itself at the n-th time that it flushes a file, for n of every residue."""
    finished, n = False, 0
    while not finished:
        n += 1 if n < 3 else 11
        out = tmp_path / str(n)
        pid = os.fork()
        if not pid:
            _killed_at(n, source, out)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finished = status == 0
        assert status in (0, -signal.SIGKILL)
        run(source, out)
        assert results(out) == quiet, n
        assert not [path for path in out.rglob("*") if path.name.startswith((".new-", ".wolfdog-0"))]
        shutil.rmtree(out)
    assert n > 30


def _killed_at(number, source, out):
    count, whole = 0, os.fsync

    def fsync(handle):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        whole(handle)

    os.fsync = fsync
    status = 1
    try:
        run(source, out)
        status = 0
    finally:
        os._exit(status)


def test_results_of_other_options_stay_until_all_are_replaced(source, tmp_path):
    run(source, tmp_path)
    before = results(tmp_path)
    with pytest.raises(StoppingError):
        run(source, tmp_path, labeller=stopping(20), labels={"fps": 2})
    assert results(tmp_path) == before
    run(source, tmp_path, record=RecordOptions(min_event=1000.0))
    after = results(tmp_path)
    assert after["moments.csv"] == before["moments.csv"]
    assert after["events.csv"] != before["events.csv"]
    assert len(list((tmp_path / ".wolfdog-job").glob("*/journal"))) == 1


def test_no_rows_are_lost_where_files_have_changed(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    out = tmp_path / "out"
    run(mine, out)
    before = results(out)
    for path in mine.rglob("*.*"):
        os.utime(path, (1, 1))
    with pytest.raises(StoppingError):
        run(mine, out, labeller=stopping(20))
    assert results(out) == before


def test_new_and_changed_files_alone_are_labelled(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    run(mine, tmp_path / "out")
    shutil.copy(mine / "b.mp4", mine / "new.mp4")
    os.utime(mine / "a.mp4", (1, 1))
    watch = Quiet()
    run(mine, tmp_path / "out", watch=watch)
    assert watch.begun == (["a.mp4", "new.mp4"], 15)
    run(mine, tmp_path / "fresh")
    assert results(tmp_path / "out") == results(tmp_path / "fresh")


def test_a_second_run_is_refused(source, tmp_path):
    with JobFolder(tmp_path, "0123"), pytest.raises(InputError, match="another run writes into this folder"):
        run(source, tmp_path)
    run(source, tmp_path)


def test_a_disk_that_is_removed_stops_the_job(source, quiet, tmp_path, monkeypatch):
    mine = tmp_path / "card"
    shutil.copytree(source, mine)
    out = tmp_path / "out"
    labeller = colours()
    infer = labeller._classifier.infer

    def pulled(images):
        if labeller._classifier.seen > 13 and mine.exists():
            mine.rename(tmp_path / "away")
        return infer(images)

    monkeypatch.setattr(labeller._classifier, "infer", pulled)
    with pytest.raises(MediaError, match="Was the disk removed"):
        run(mine, out, labeller=labeller)
    (tmp_path / "away").rename(mine)
    run(mine, out)
    expected = tmp_path / "expected"
    run(mine, expected)
    assert results(out) == results(expected)


def test_what_wolfdog_has_not_made_is_not_replaced(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    (mine / "a.mp4.vtt").write_text("my subtitles")
    (mine / "b.mp4.annotated.mp4").mkdir()
    watch = Quiet()
    run(mine, mine, watch=watch, record=RecordOptions(annotated=True))
    reasons = dict(watch.troubles)
    assert "a.mp4.vtt is in the way" in reasons["a.mp4"]
    assert "b.mp4.annotated.mp4 is in the way" in reasons["b.mp4"]
    assert (mine / "a.mp4.vtt").read_text() == "my subtitles"
    (mine / "a.mp4.vtt").unlink()
    run(mine, mine, watch=(watch := Quiet()), record=RecordOptions(annotated=True))
    assert watch.finished == ["a.mp4", "b.mp4"]  # both are looked at again
    assert (mine / "a.mp4.annotated.mp4").exists()
    run(mine, mine, watch=(watch := Quiet()))  # its own files of other options are no obstacle
    assert "a.mp4" not in dict(watch.troubles)


def test_a_source_is_never_replaced_by_a_table(source, tmp_path):
    shutil.copy(source / "b.mp4", tmp_path / "moments.csv")
    with pytest.raises(InputError, match="the results would replace this file"):
        run(tmp_path / "moments.csv", tmp_path)


def test_results_that_are_named_as_sources_are_passed_over(source, tmp_path):
    mine = shutil.copytree(source, tmp_path / "card")
    run(mine, mine, record=RecordOptions(annotated=True))
    media = list_media([mine / "a.mp4", mine / "a.mp4.annotated.mp4"])
    with pytest.warns(MediaWarning, match="a result of wolfdog"):
        assert [medium.name for medium in without_products(media, mine)] == ["a.mp4"]
    assert without_products(media, tmp_path / "elsewhere") == media


def test_a_table_is_cut_into_row_groups_by_its_rows_alone(source, quiet, tmp_path, monkeypatch):
    import pyarrow.parquet

    from wolfdog.watch.jobs import assembly

    monkeypatch.setattr(assembly, "ROWS", 7)
    tables = []
    for period in (-1.0, 1e9):
        monkeypatch.setattr(part_writer, "PERIOD", period)
        run(source, tmp_path / str(period))
        path = tmp_path / str(period) / "predictions.parquet"
        tables.append(path.read_bytes())
        groups = pyarrow.parquet.ParquetFile(path).metadata
        assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [7, 7, 7, 3]
    assert tables[0] == tables[1]


def test_formulas_are_guarded(source, tmp_path):
    mine = tmp_path / "card"
    mine.mkdir()
    shutil.copy(source / "b.mp4", mine / "=1+1.mp4")
    (mine / "-2.mp4").touch()
    run(mine, tmp_path / "plain")
    run(mine, tmp_path / "guarded", record=RecordOptions(guard_formulas=True))
    for name, guard in (("plain", ""), ("guarded", "'")):
        for table in ("moments.csv", "events.csv", "errors.csv"):
            with (tmp_path / name / table).open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    assert row.get("video", row.get("file")).startswith((f"{guard}=", f"{guard}-"))


@pytest.mark.slow
def test_several_processes_give_the_same_tables(source, quiet, tmp_path):
    watch = Quiet()
    totals = job(source, tmp_path, workers=2).run(colours, watch)
    assert totals.waiting == 0
    assert sorted(watch.finished) == sorted(["a.mp4", "b.mp4", "broken.mp4", "site 0", "site 1", "site 2"])
    tables = {name for name in quiet if not name.endswith(".png")}  # the timelines are drawn in the processes
    assert {name: results(tmp_path)[name] for name in tables} == {name: quiet[name] for name in tables}
