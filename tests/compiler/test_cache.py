"""The cache of kernels: whole or not there, and never trusted unread."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import wolfdog as wd
from wolfdog.compiler import cache


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def test_what_is_kept_is_not_built_again() -> None:
    built = []

    def build() -> bytes:
        built.append(1)
        return b"code"

    assert [cache.load_or_build("key", build) for _ in range(3)] == [b"code"] * 3
    assert len(built) == 1


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:20], lambda d: b"", lambda d: d[:-1] + b"?", lambda d: b"x" + d]
)
def test_a_damaged_entry_is_built_again(own_folder: Path, damage: object) -> None:
    cache.write("key", b"code")
    (file,) = own_folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert cache.read("key") is None
    assert cache.load_or_build("key", lambda: b"new") == b"new"
    assert cache.read("key") == b"new"


def test_an_entry_under_another_name_is_not_taken(own_folder: Path) -> None:
    cache.write("key", b"code")
    (file,) = own_folder.iterdir()
    file.rename(file.with_name(file.name.replace("key", "other")))
    assert cache.read("other") is None


def test_a_folder_that_cannot_be_written_is_done_without(own_folder: Path) -> None:
    own_folder.write_text("a file in its place")
    assert cache.load_or_build("key", lambda: b"code") == b"code"


PROGRAM = """
import torch, wolfdog as wd
torch.manual_seed(0)
with torch.no_grad():
    print(wd.Recurrent(wd.cells.ElmanCell(3, 4))(torch.ones(2, 2, 3))[0].sum().item())
"""


def test_several_processes_build_one_kernel_at_once(own_folder: Path) -> None:
    with ExitStack() as stack:
        runs = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
            )
            for _ in range(3)
        ]
        for run in runs:
            stack.callback(run.kill)
        outputs = {run.communicate(timeout=600)[0] for run in runs}
    assert len(outputs) == 1
    assert all(run.returncode == 0 for run in runs)
    assert not [path for path in own_folder.iterdir() if path.suffix != ".kernel"]


AT_ONCE = """
import threading, torch, wolfdog as wd
done = []
def work(size):
    wd.Recurrent(wd.cells.ElmanCell(3, size))(torch.zeros(2, 2, 3))
    done.append(size)
threads = [threading.Thread(target=work, args=(size,)) for size in (4, 5, 4, 5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(done))
"""


def test_threads_that_are_the_first_to_need_the_compiler(own_folder: Path) -> None:
    run = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert run.stdout == "[4, 4, 5, 5]\n", run.stderr


@pytest.mark.parametrize("stage", ["equations", "program", "adjoint", "plan", "source"])
def test_show(stage: str) -> None:
    text = wd.show(wd.Recurrent(wd.cells.FourGateLSTMCell(3, 4)), stage)
    expected = {"equations": "s1' =", "program": "def for_all_events", "adjoint": "# carry", "plan": "@ w0 [4, 16]",
                "source": "for t in range(steps - 1, -1, -1):"}  # fmt: skip
    assert expected[stage] in text


def test_show_refuses_what_it_does_not_know() -> None:
    with pytest.raises(wd.errors.InputError, match="stage must be one of"):
        wd.show(wd.Recurrent(wd.cells.ElmanCell(3, 4)), "everything")
