"""Cache of kernels: entries are whole or absent, private to the user, and bounded in size."""

import os
import subprocess
import sys
import warnings
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


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_warned", set())


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(own_folder: Path, mode: int) -> None:
    cache.write("key", b"code")
    own_folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to it"):
        assert cache.read("key") is None
    cache.write("other", b"code")  # no second warning, which would be an error
    assert cache.load_or_build("key", lambda: b"built") == b"built"
    assert len(list(own_folder.iterdir())) == 1
    own_folder.chmod(0o755)  # others may look
    assert cache.read("key") == b"code"


@pytest.mark.usefixtures("once")
def test_a_folder_of_another_user_is_not_used(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("key", b"code")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert cache.read("key") is None


@pytest.mark.parametrize("mode", [0o606, 0o660])
def test_an_entry_that_others_may_write_to_is_built_again(own_folder: Path, mode: int) -> None:
    cache.write("key", b"code")
    (file,) = own_folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(mode)
    assert cache.read("key") is None
    assert cache.load_or_build("key", lambda: b"new") == b"new"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "device"])
def test_what_is_no_regular_file_is_no_entry(own_folder: Path, kind: str) -> None:
    cache.write("key", b"code")
    (file,) = own_folder.iterdir()
    file.rename(own_folder.parent / "elsewhere")
    if kind == "fifo":
        os.mkfifo(file, 0o600)
    elif kind == "link":
        file.symlink_to(own_folder.parent / "elsewhere")
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    assert cache.read("key") is None
    if kind != "folder":
        assert cache.load_or_build("key", lambda: b"new") == b"new"
        assert cache.read("key") == b"new"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WOLFDOG_CACHE", "~/kept")
    cache.write("key", b"code")
    assert list((tmp_path / "kept").iterdir())
    monkeypatch.setenv("WOLFDOG_CACHE", "")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert tmp_path in cache.folder().parents


HOMELESS = """
import pathlib, stat
def home():
    raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = home
from wolfdog.compiler import cache
cache.write("key", b"code")
assert cache.read("key") == b"code" and cache.folder() == cache.folder()
assert stat.S_IMODE(cache.folder().stat().st_mode) == 0o700
print(cache.folder())
"""


def test_a_user_without_a_home_gets_a_folder_for_the_process(tmp_path: Path) -> None:
    without = {
        name: value for name, value in os.environ.items() if name not in ("WOLFDOG_CACHE", "XDG_CACHE_HOME")
    }
    run = subprocess.run([sys.executable, "-c", HOMELESS], env=without | {"TMPDIR": str(tmp_path)},
                         capture_output=True, text=True, check=True)  # fmt: skip
    made = Path(run.stdout.strip())
    assert made.parent == tmp_path
    assert not made.exists()  # any more


def test_what_was_used_longest_ago_goes_first(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT", 5_000)
    for number in range(8):
        cache.write(f"key{number}", b"x" * 1_000)
        os.utime(own_folder / f"key{number}.kernel", (number, number))
        assert cache.read("key0") is not None  # used again, each time
    broken = own_folder / "key9.kernel.0123"
    broken.touch()
    os.utime(broken, (0, 0))
    cache.write("last", b"x" * 1_000)
    kept = {path.name for path in own_folder.iterdir()}
    assert "key0.kernel" in kept
    assert "last.kernel" in kept
    assert broken.name not in kept
    assert sum(path.stat().st_size for path in own_folder.iterdir()) <= 5_000


def test_entries_that_another_process_deletes_first_do_not_stop_the_deletion(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        cache.write(f"key{number}", b"x" * 1_000)
        os.utime(own_folder / f"key{number}.kernel", (number, number))
    unlink, gone = os.unlink, []

    def late(name: str, *, dir_fd: int | None = None) -> None:
        unlink(name, dir_fd=dir_fd)
        if len(gone) < 2:  # as if another process had deleted it
            gone.append(name)
            raise FileNotFoundError(name)

    monkeypatch.setattr(os, "unlink", late)
    monkeypatch.setattr(cache, "LIMIT", 4_500)
    cache.write("last", b"x" * 1_000)
    assert gone == ["key0.kernel", "key1.kernel"]
    kept = {path.name for path in own_folder.iterdir()}
    assert kept == {f"key{number}.kernel" for number in (5, 6, 7)} | {"last.kernel"}


def test_a_private_folder_is_used_without_a_warning(own_folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.write("key", b"code")
        assert cache.read("key") == b"code"


PROGRAM = """
import torch, wolfdog as wd
torch.manual_seed(0)
with torch.no_grad():
    print(wd.Recurrent(wd.cells.ElmanCell(3, 4))(torch.ones(2, 2, 3))[0].sum().item())
"""


@pytest.mark.slow
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
