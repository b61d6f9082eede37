"""Attacks on the cache of kernels: whatever lies in it, a layer gives the numbers of an empty cache."""

import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path

import pytest
import torch

import wolfdog as wd
from hostile_inputs import mutated

pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")


def outputs():
    """Numbers of a layer, gradients included, as text."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layer = wd.Recurrent(wd.cells.ElmanCell(3, 5))
    y, _ = layer(torch.ones(3, 2, 3))
    y.sum().backward()
    assert layer.backend == "llvm", layer.fallback_reason
    return f"{y.sum().item():.9g} {sum(p.grad.abs().sum().item() for p in layer.parameters()):.9g}"


def started(folder, *, disk=None):
    """Process that computes `outputs` with a cache folder: its number, and the file for what it says."""
    told = Path(tempfile.mkstemp(prefix="wolfdog-test-")[1])
    pid = os.fork()
    if pid:
        return pid, told
    status = 1
    try:
        os.environ["WOLFDOG_CACHE"] = str(folder)
        text = ""
        if disk is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (disk, before[1]))
            text = outputs()
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        told.write_text(text or outputs())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(process):
    """What a process said; fails if it crashed."""
    pid, told = process
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"ended with status {status}"
    try:
        return told.read_text()
    finally:
        told.unlink()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Cache folder with kernels, and the numbers."""
    folder = tmp_path_factory.mktemp("cache") / "kernels"
    said = ended(started(folder))
    assert len(list(folder.glob("*.kernel"))) >= 2
    return folder, said


def copied(filled, tmp_path):
    folder = tmp_path / "kernels"
    shutil.copytree(filled[0], folder)
    return folder, filled[1]


@pytest.mark.parametrize("seed", range(3))
def test_mutated_entries_are_built_again(filled, tmp_path, seed):
    folder, said = copied(filled, tmp_path)
    rng = random.Random(seed)
    kernels = sorted(folder.glob("*.kernel"))
    whole = [path.read_bytes() for path in kernels]
    for path, data in zip(kernels, whole, strict=True):
        path.write_bytes(mutated(data, rng, whole))
    assert ended(started(folder)) == said


@pytest.mark.slow
def test_entries_that_change_places_are_built_again(filled, tmp_path):
    folder, said = copied(filled, tmp_path)
    kernels = sorted(folder.glob("*.kernel"))
    whole = [path.read_bytes() for path in kernels]
    for path, data in zip(kernels, whole[1:] + whole[:1], strict=True):
        path.write_bytes(data)
    assert ended(started(folder)) == said
    for path in folder.iterdir():
        path.unlink()
        path.mkdir()
        (path / "within").touch()
    assert ended(started(folder)) == said


@pytest.mark.parametrize("size", [0, 3_000])
def test_a_full_disk_leaves_no_half_entry(filled, tmp_path, size):
    folder = tmp_path / "kernels"
    assert ended(started(folder, disk=size)) == filled[1]
    assert all(path.suffix == ".kernel" for path in folder.iterdir())
    assert all(path.stat().st_size <= size for path in folder.iterdir())
    assert ended(started(folder)) == filled[1]


def test_a_folder_that_cannot_be_entered_or_made(filled, tmp_path):
    (tmp_path / "file").touch()
    assert ended(started(tmp_path / "file" / "kernels")) == filled[1]
    (tmp_path / "loop").symlink_to("loop")
    assert ended(started(tmp_path / "loop")) == filled[1]


@pytest.mark.slow
def test_eight_processes_while_the_entries_are_damaged_and_deleted(filled, tmp_path):
    folder = tmp_path / "kernels"
    rng = random.Random(0)
    running = [started(folder) for _ in range(8)]
    attacks = 0
    waiting = list(running)
    while waiting:
        waiting = [
            one
            for one in waiting
            if os.waitid(os.P_PID, one[0], os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ]
        for path in list(folder.glob("*.kernel")):
            try:
                if rng.random() < 0.5:
                    path.write_bytes(mutated(path.read_bytes(), rng))
                else:
                    path.unlink()
            except OSError:
                continue
            attacks += 1
        time.sleep(0.01)
    assert [ended(one) for one in running] == [filled[1]] * 8
    assert attacks > 3
    assert ended(started(folder)) == filled[1]
    assert not [path for path in Path(folder).iterdir() if path.suffix != ".kernel"]
