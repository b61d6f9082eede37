import inspect
import os
import sys
from pathlib import Path

import pytest

from wolfdog.errors import InputError, MediaWarning
from wolfdog.watch.video.discover import display_name, find_videos


def lay_out(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder):
    return [display_name(path, folder) for path in find_videos(folder)]


def test_videos_in_all_folders_by_suffix_in_any_case_sorted(tmp_path):
    lay_out(
        tmp_path, "b.MP4", "a/PICT2.AVI", "a/PICT1.asf", "a/notes.txt", "a/mp4", "Taï 1/x.MoV", "c.mp4.part"
    )
    assert found(tmp_path) == ["Taï 1/x.MoV", "a/PICT1.asf", "a/PICT2.AVI", "b.MP4"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    lay_out(tmp_path, "a.mp4", "._a.mp4", ".Trashes/b.mp4")
    assert found(tmp_path) == ["a.mp4"]


def test_raw_streams_and_animated_pictures_are_found_and_rubbish_is_not(tmp_path):
    lay_out(
        tmp_path,
        "a.h264",
        "b.265",
        "c.GIF",
        "d.mjpg",
        "$RECYCLE.BIN/e.mp4",
        "System Volume Information/f.mp4",
    )
    assert found(tmp_path) == ["a.h264", "b.265", "c.GIF", "d.mjpg"]


def test_results_of_an_earlier_run_are_not_watched(tmp_path):
    lay_out(tmp_path, "a.mp4", "a.mp4.vtt", "a.mp4.annotated.mp4", "b.annotated.mp4")
    lay_out(tmp_path, "watched/moments.csv", "watched/events.csv", "watched/a.mp4.annotated.mp4")
    assert found(tmp_path) == ["a.mp4", "b.annotated.mp4"]
    lay_out(tmp_path, "moments.csv", "events.csv")  # results written beside the footage itself
    assert found(tmp_path) == ["a.mp4", "b.annotated.mp4"]


def test_footage_beside_results_in_a_folder_below_is_said(tmp_path):
    lay_out(tmp_path, "a.mp4", "site/b.mp4", "site/moments.csv", "site/events.csv")
    with pytest.warns(MediaWarning, match=r"site: it holds results of wolfdog, and is passed over"):
        assert found(tmp_path) == ["a.mp4"]
    assert found(tmp_path / "site") == ["b.mp4"]


def test_a_file_is_taken_whatever_its_name(tmp_path):
    lay_out(tmp_path, ".strange")
    assert find_videos(tmp_path / ".strange") == [tmp_path / ".strange"]
    assert display_name(tmp_path / ".strange", tmp_path / ".strange") == ".strange"


def test_nothing_found_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"no videos in this folder.*\.avi"):
        find_videos(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        find_videos(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_followed_once_and_loops_end(tmp_path):
    lay_out(tmp_path, "card/z/a.mp4", "elsewhere/b.mp4")
    card = tmp_path / "card"
    (card / "a_loop").symlink_to(card)
    (card / "a_second_way").symlink_to(card / "z")
    (card / "other").symlink_to(tmp_path / "elsewhere")
    (card / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.warns(MediaWarning, match=r"broken\.mp4: a link to a file that is not there"):
        assert found(card) == ["other/b.mp4", "z/a.mp4"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_must_not_be_read_is_passed_over_with_a_warning(tmp_path):
    lay_out(tmp_path, "a.mp4", "lost+found/b.mp4")
    (tmp_path / "lost+found").chmod(0)
    try:
        with pytest.warns(UserWarning, match="lost"):
            assert found(tmp_path) == ["a.mp4"]
    finally:
        (tmp_path / "lost+found").chmod(0o700)


def test_a_folder_that_can_be_listed_and_not_entered_is_passed_over(tmp_path, monkeypatch):
    lay_out(tmp_path, "a.mp4", "closed/b.mp4")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("closed"))
    with pytest.warns(MediaWarning, match="closed: no permission"):
        assert found(tmp_path) == ["a.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_name_that_is_no_text_can_still_be_written(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/Ta\xef.avi")
    lay_out(tmp_path, path)
    assert found(tmp_path) == ["Ta\\xef.avi"]


def test_folders_of_any_depth_and_links_to_themselves(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "up").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    depth = 150
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.mp4").touch()
    os.chdir(tmp_path)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        with pytest.warns(MediaWarning, match="a link to itself"):
            [found] = find_videos(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert found.relative_to(tmp_path).as_posix() == "d/" * depth + "deep.mp4"
