"""`wolfdog train` under torchrun: who prints, what is said, and the watcher of one process."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch.distributed as dist
from safetensors.torch import load_file

from cli_run import assert_fine, assert_told, wolfdog
from onnx_image_networks import colour_network
from tolerances import assert_agree, assert_same
from wolfdog.cli import torchrun
from wolfdog.cli.screen import complaints
from wolfdog.cli.signals import Interrupted
from wolfdog.watch.distributed import SINGLE


@pytest.fixture
def started(monkeypatch):
    """Function that sets what torchrun sets."""

    def start(rank, size=2):
        monkeypatch.setattr(complaints, "quiet", False)
        place = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 9}
        for name, value in place.items():
            monkeypatch.setenv(name, str(value))

    return start


def test_other_commands_are_refused_once(started, tmp_path):
    started(0)
    assert_told(wolfdog("watch", tmp_path), "`wolfdog watch` runs in one process", "without torchrun")
    started(1)
    ran = wolfdog("smooth", tmp_path, "--out", tmp_path / "out")
    assert (ran.status, ran.out, ran.err) == (2, "", "")


def test_one_process_needs_no_connection(started, tmp_path):
    assert torchrun.torchrun_processes() is SINGLE
    started(0, size=1)
    assert torchrun.torchrun_processes() is SINGLE
    assert_told(wolfdog("watch", tmp_path / "none"), "none: no such file")


def test_each_error_is_printed_once(started, monkeypatch):
    started(1)
    monkeypatch.setattr(torchrun, "_store", dist.HashStore())
    assert [torchrun.prints_error(text) for text in ("a", "b", "a", "a")] == [True, True, False, False]
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert torchrun.prints_error("a")


def test_an_end_by_torchrun_is_said(monkeypatch):
    assert torchrun.interruption(Interrupted(signal.SIGTERM)) == "interrupted"
    monkeypatch.setattr(torchrun, "_store", dist.HashStore())
    assert torchrun.interruption(KeyboardInterrupt()) == "interrupted"
    assert "goes on from its last checkpoint" in torchrun.interruption(Interrupted(signal.SIGTERM))


def command(*arguments, processes=2):
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes, "-m", "wolfdog"]
    return [sys.executable, *map(str, [*run, *arguments])]


ALONE = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "COLUMNS": "200"}


def together(*arguments):
    """`wolfdog ARGUMENTS` in two processes of torchrun."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=ALONE, check=False)


@pytest.mark.slow
def test_two_processes_train_the_memory_of_one(objective, model, tmp_path):
    """The frame classifier is taken from its checkpoint: in float32, its training magnifies roundings."""
    out = tmp_path / "two"
    (out / "training").mkdir(parents=True)
    shutil.copy(model / "training" / "frame-classifier.safetensors", out / "training")
    ran = together("train", *objective, "--memory", "gru", "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("training the memory: gru ...") == 1
    assert ran.stdout.count("next: wolfdog watch") == 1
    one, two = (load_file(folder / "watcher.safetensors") for folder in (model, out))
    assert one.keys() == two.keys()
    for name in one:
        assert_agree(two[name], one[name])
    assert {path.name for path in out.iterdir()} == {path.name for path in model.iterdir()}
    shutil.rmtree(out)
    ran = together("train", *objective, "--memory", "gru", "--out", out)
    assert ran.returncode == 0, ran.stderr
    again = load_file(out / "watcher.safetensors")
    for name, value in one.items():  # test_processes.py compares the frame classifier's steps in float64
        assert (again[name] - value).abs().max() <= 0.1 * value.abs().max().clamp(min=1), name


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["any-class", "gru"])
def test_two_processes_train_on_the_features_of_a_classifier(on_air, tmp_path, memory, monkeypatch):
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ALONE, "WOLFDOG_CACHE", str(tmp_path / "cache"))
    network = colour_network(
        tmp_path / "colours.onnx",
        features=True,
        metadata={"normalisation": "unit", "names": '["red", "green", "blue"]'},
    )
    given = (
        "train", "--videos", on_air, "--labels", on_air / "labels.csv", "--classifier", f"onnx:{network}",
        "--memory", memory, "--steps", 6, "--chunk", 4, "--streams", 3, "--hidden", 4,
    )  # fmt: skip
    alone = wolfdog(*given, "--out", tmp_path / "one")
    assert alone.status == 0, alone.err
    shutil.rmtree(tmp_path / "cache")
    ran = together(*given, "--out", tmp_path / "two")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("fitting the head ...") == 1
    files = sorted(path.name for path in (tmp_path / "one").glob("*.safetensors"))
    assert files
    for file in files:
        one, two = (load_file(tmp_path / folder / file) for folder in ("one", "two"))
        assert one.keys() == two.keys()
        for name in one:
            (assert_same if memory == "any-class" else assert_agree)(two[name], one[name])


@pytest.mark.slow
def test_a_mistake_that_each_process_meets_by_itself_is_said_once(objective):
    for _ in range(5):
        ran = together("train", *objective, "--memory", "gru", "--uninformative", "none", "--out", "out")
        assert ran.returncode != 0
        assert ran.stderr.count("'none' is no label") == 1
        assert "cannot reach" not in ran.stderr


def ranks(pid):
    """Process numbers of the processes that torchrun started, by their rank."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                environment = (place / "environ").read_bytes()
            except OSError:
                continue
            rank = re.search(rb"\0RANK=(\d+)", environment)
            if parent == pid and rank is not None:
                found[int(rank[1])] = int(place.name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by Linux's /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_is_said_and_the_training_goes_on(objective, model, tmp_path, rank):
    out = tmp_path / "out"
    (out / "training").mkdir(parents=True)
    shutil.copy(model / "training" / "frame-classifier.safetensors", out / "training")
    given = ("train", *objective, "--memory", "gru", "--out", out, "--save-every", 1)
    process = subprocess.Popen(
        command(*given), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ALONE
    )
    deadline = time.monotonic() + 600
    while not (out / "training" / "memory.safetensors").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    for number in ranks(process.pid).values():
        os.kill(number, signal.SIGSTOP)  # they are not done before one is killed
    there = ranks(process.pid)
    assert len(there) == 2, "they were done before one could be killed"
    os.kill(there[rank], signal.SIGKILL)
    os.kill(there[1 - rank], signal.SIGCONT)
    told = process.communicate()[0]
    assert process.returncode != 0
    assert (
        "a process of this training has ended, was killed" in told or "torchrun ended this training" in told
    )
    assert "goes on from its last checkpoint" in told
    assert not (out / "watcher.safetensors").exists()
    assert_fine(wolfdog(*given))
    one, other = (load_file(folder / "watcher.safetensors") for folder in (model, out))
    for name in one:
        assert_agree(other[name], one[name])
