import csv
import os

import pytest

from cli_run import assert_fine, wolfdog
from wolfdog.errors import InputError
from wolfdog.watch.jobs.file_job import FileJob


@pytest.fixture
def files(tmp_path):
    pairs = []
    for name in ("a", "b", "c"):
        source = tmp_path / f"{name}.txt"
        source.write_text(name)
        pairs.append((source, tmp_path / "out" / f"{name}.txt"))
    return pairs


def copy(done):
    def work(source, target):
        if source.read_text() == "bad":
            raise InputError(f"{source}: bad")
        done.append(source.name)
        target.write_text(source.read_text().upper())

    return work


def test_finished_files_are_passed_over(files, tmp_path):
    done = []
    job = FileJob(tmp_path / "out", "1", files)
    assert job.run(copy(done)) == (0, [])
    assert job.run(copy(done)) == (3, [])
    assert done == ["a.txt", "b.txt", "c.txt"]
    files[0][0].write_text("new")  # a source that changed, a result that changed, a result that has gone
    os.utime(files[1][1], (1, 1))
    files[2][1].unlink()
    assert job.run(copy(done)) == (0, [])
    assert FileJob(tmp_path / "out", "2", files).run(copy(done)) == (0, [])
    assert len(done) == 9


def test_an_interrupt_and_a_bad_file(files, tmp_path):
    done = []
    job = FileJob(tmp_path / "out", "1", files)

    def interrupted(source, target):
        if source.name == "b.txt":
            raise KeyboardInterrupt
        copy(done)(source, target)

    with pytest.raises(KeyboardInterrupt):
        job.run(interrupted)
    files[1][0].write_text("bad")
    assert job.run(copy(done)) == (1, [(files[1][0], f"{files[1][0]}: bad")])
    assert done == ["a.txt", "c.txt"]
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [str(files[1][0])]
    files[1][0].write_text("good")
    assert job.run(copy(done)) == (2, [])
    assert not (tmp_path / "out" / "errors.csv").exists()


def test_smoothing_goes_on(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("file,wolf,dog\nx.jpg,0.9,0.1\ny.jpg,0.4,0.6\n")
    (tmp_path / "bad.csv").write_text("file\n")
    sources = [tmp_path / f"{name}.csv" for name in ("a", "b", "bad")]
    first = wolfdog("smooth", *sources, "--out", tmp_path / "out", "--method", "mean")
    assert first.status == 1
    assert first.err.count("\n") == 1
    assert "bad.csv" in first.err
    (tmp_path / "bad.csv").write_text((tmp_path / "a.csv").read_text())
    again = wolfdog("smooth", *sources, "--out", tmp_path / "out", "--method", "mean")
    assert_fine(again)
    assert "2 of 3 files were smoothed by an earlier run" in again.out
