import errno
import os
import stat

import pytest

from wolfdog.atomic import atomic_path, atomic_write


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_text_is_utf8_and_keeps_newlines(tmp_path):
    with atomic_write(tmp_path / "a.csv", newline="") as f:
        f.write("Wölfe\r\n")
    assert (tmp_path / "a.csv").read_bytes() == "Wölfe\r\n".encode()


def test_bytes(tmp_path):
    with atomic_write(tmp_path / "a.bin", "wb") as f:
        f.write(b"\x00\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"


def test_nothing_under_the_name_until_the_end(tmp_path):
    final = tmp_path / "a.txt"
    final.write_text("old")
    with atomic_write(final) as f:
        f.write("new")
        f.flush()
        assert final.read_text() == "old"
    assert final.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_the_contents_reach_the_disk_before_the_name(tmp_path, monkeypatch):
    final, synced = tmp_path / "a.txt", []
    fsync = os.fsync

    def noted(descriptor):
        synced.append((os.fstat(descriptor).st_size, final.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with atomic_write(final) as f:
        f.write("whole")
    assert synced == [(5, False)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    final = tmp_path / "a.txt"
    final.write_text("old")

    def breaks_midway():
        with atomic_write(final) as f:
            f.write("half")
            raise error

    with pytest.raises(error):
        breaks_midway()
    assert final.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_temporary_path_has_the_suffix_and_is_hidden_in_the_same_folder(tmp_path):
    with atomic_path(tmp_path / "film.v2.mp4") as beside:
        assert beside.suffix == ".mp4"
        assert beside.parent == tmp_path
        assert beside.name.startswith(".")
        beside.write_bytes(b"x")
    assert names(tmp_path) == ["film.v2.mp4"]


def test_nothing_written_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX")
def test_permissions_of_the_old_file_are_kept_and_new_files_follow_the_umask(tmp_path):
    old = tmp_path / "old.txt"
    old.write_text("old")
    old.chmod(0o640)
    plain = tmp_path / "plain.txt"
    plain.write_text("by open()")
    for name in ("old.txt", "new.txt"):
        with atomic_write(tmp_path / name) as f:
            f.write("new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert (tmp_path / "new.txt").stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_goes_on_pointing(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "there" / "real.txt")
    with atomic_write(tmp_path / "link.txt") as f:
        f.write("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there" / "real.txt").read_text() == "new"
    assert names(tmp_path / "there") == ["real.txt"]


def test_missing_folder_folder_in_the_way_and_other_modes(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), atomic_write(tmp_path / "nowhere" / "a.txt"):
        pass
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path):
        pass
    with pytest.raises(ValueError, match="mode must be"), atomic_write(tmp_path / "a.txt", "a"):
        pass
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes there")
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"), atomic_write(tmp_path / "pipe"):
        pass
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_a_full_disk_names_the_file(tmp_path, number):
    with pytest.raises(OSError) as caught, atomic_write(tmp_path / "a.csv"):  # noqa: PT011 - checked below
        raise OSError(number, "said by a library")
    assert caught.value.filename == str(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_error_whose_name_cannot_be_changed_leaves_as_it_is(tmp_path):
    class FullError(OSError):
        filename = property(lambda self: None)

    full = FullError(errno.ENOSPC, "said by a library")
    with pytest.raises(FullError) as caught, atomic_write(tmp_path / "a.csv"):
        raise full
    assert caught.value is full
    assert list(tmp_path.iterdir()) == []
