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
        return [source.name]

    return work


def test_finished_files_are_passed_over(files, tmp_path):
    done = []
    job = FileJob(tmp_path / "out", "1", files)
    assert job.run(lambda: copy(done)) == (0, [])
    assert job.run(lambda: copy(done)) == (3, [])
    assert done == ["a.txt", "b.txt", "c.txt"]
    files[0][0].write_text("new")  # a source that changed, a result that changed, a result that has gone
    os.utime(files[1][1], (1, 1))
    files[2][1].unlink()
    assert job.run(lambda: copy(done)) == (0, [])
    assert FileJob(tmp_path / "out", "2", files).run(lambda: copy(done)) == (0, [])
    assert len(done) == 9


def test_an_interrupt_and_a_bad_file(files, tmp_path):
    done = []
    job = FileJob(tmp_path / "out", "1", files)

    def interrupted(source, target):
        if source.name == "b.txt":
            raise KeyboardInterrupt
        copy(done)(source, target)

    with pytest.raises(KeyboardInterrupt):
        job.run(lambda: interrupted)
    files[1][0].write_text("bad")
    assert job.run(lambda: copy(done)) == (1, [(str(files[1][0]), f"{files[1][0]}: bad")])
    assert done == ["a.txt", "c.txt"]
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [str(files[1][0])]
    files[1][0].write_text("good")
    assert job.run(lambda: copy(done)) == (2, [])
    assert not (tmp_path / "out" / "errors.csv").exists()


def test_what_killed_writers_left_is_deleted(files, tmp_path):
    left = tmp_path / "out" / "below" / ".wolfdog-0123456789ab.csv"
    left.parent.mkdir(parents=True)
    left.touch()
    FileJob(tmp_path / "out", "1", files).run(lambda: copy([]))
    assert not left.exists()


def folder_of_results(top, count=5):
    for n in range(count):
        path = top / f"site {n % 2}" / f"{n}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file,wolf,dog\nx.jpg,0.{9 - n},0.{1 + n}\ny.jpg,0.4,0.6\n")
    (top / "site 1" / "bad.csv").write_text("file\n")
    (top / ".hidden.csv").write_text("file\n")
    return top


@pytest.mark.slow
def test_folders_in_several_processes(tmp_path):
    source = folder_of_results(tmp_path / "in")
    for workers in (1, 2):
        ran = wolfdog(
            "smooth", source, "--out", tmp_path / f"{workers}", "--method", "mean", "--workers", workers
        )
        assert ran.status == 1
        assert ran.out.count("2 rows of 1 deployment") == 5
        assert "bad.csv" in ran.err
    found = [
        {path.relative_to(out).as_posix(): path.read_bytes() for path in out.glob("**/*.csv")}
        for out in (tmp_path / "1", tmp_path / "2")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 6
    again = wolfdog("smooth", source, "--out", tmp_path / "2", "--method", "mean", "--workers", 2)
    assert "5 of 6 files were smoothed by an earlier run" in again.out


@pytest.mark.slow
def test_a_killed_process_is_said_and_its_files_are_done_again(files, tmp_path):
    import subprocess
    import sys

    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from pathlib import Path
from dying import dying, plain
from wolfdog.watch.jobs.file_job import FileJob
if __name__ == "__main__":
    folder = Path({str(tmp_path)!r})
    job = FileJob(folder / "out", "1", [(folder / f"{{n}}.txt", folder / "out" / f"{{n}}.txt") for n in "abc"])
    try:
        job.run(dying, workers=2)
    except Exception as error:
        print(error)
    print(job.run(plain, workers=2)[1])
"""
    (tmp_path / "dying.py").write_text(
        """
import os, signal
def dying():
    def work(source, target):
        if source.name == "b.txt":
            os.kill(os.getpid(), signal.SIGKILL)
        return plain()(source, target)
    return work
def plain():
    def work(source, target):
        target.write_text(source.read_text())
        return []
    return work
"""
    )
    (tmp_path / "main.py").write_text(program)
    ran = subprocess.run([sys.executable, tmp_path / "main.py"], capture_output=True, text=True, check=True)
    assert "a process was killed" in ran.stdout
    assert ran.stdout.endswith("[]\n")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.txt")) == ["a.txt", "b.txt", "c.txt"]


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
