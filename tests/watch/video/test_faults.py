"""Faults that footage of real cameras has."""

import io
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from watch_faults import raw, segments, two_videos, with_damage, with_jump, with_matrix, with_sound
from watch_films import COLOURS, cut, film, noise, plain
from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.watch.video.container import open_video
from wolfdog.watch.video.damage import Damage
from wolfdog.watch.video.orientation import Orientation
from wolfdog.watch.video.source import VideoSource
from wolfdog.watch.video.timestamps import HELD, without_outliers


def seen(path, **options):
    """The frames of a video, and the message that it ends with, or None."""
    frames = []
    try:
        with VideoSource(path, 16, **options) as source:
            frames.extend(source)
    except MediaError as error:
        return frames, str(error)
    return frames, None


# Truncation


@pytest.mark.parametrize(
    ("ending", "codec", "sound", "options"),
    [
        ("mp4", "libx264", "aac", {"movflags": "faststart"}),
        ("mkv", "libx264", "aac", {}),
        ("webm", "libvpx", "libopus", {}),
        ("flv", "libx264", "aac", {}),
    ],
)
def test_a_file_with_sound_that_breaks_off_says_where(tmp_path, ending, codec, sound, options):
    whole = with_sound(tmp_path / f"whole.{ending}", noise(180), codec=codec, sound=sound, options=options)
    assert seen(whole)[1] is None
    frames, message = seen(cut(tmp_path / f"cut.{ending}", whole, 0.5))
    where, of = re.search(r"breaks off at (\d+\.\d+) s of the (\d+\.\d+) s", message).groups()
    assert float(where) == pytest.approx(frames[-1].time + frames[-1].duration, abs=0.01)
    assert float(of) == pytest.approx(6.0, abs=0.2)
    assert 1.5 < float(where) < 4.5


@pytest.mark.parametrize("ending", ["mkv", "flv", "mp4"])
def test_sound_that_goes_on_after_the_pictures_is_no_break(tmp_path, ending):
    path = with_sound(tmp_path / f"a.{ending}", plain(60), sound_seconds=6.0)
    frames, message = seen(path)
    assert len(frames) == 60
    assert message is None


@pytest.mark.parametrize(
    ("ending", "codec"), [("mkv", "libx264"), ("mp4", "libx264"), ("ts", "libx264"), ("avi", "mpeg4")]
)
def test_segments_of_a_recording_are_whole(tmp_path, ending, codec):
    parts = segments(tmp_path, plain(80), ending, codec=codec)
    assert len(parts) >= 3
    for part in parts:
        frames, message = seen(part)
        assert message is None, part
        assert frames[0].time == pytest.approx(0, abs=0.01)


def test_a_segment_that_breaks_off_is_seen(tmp_path):
    part = segments(tmp_path, noise(120), "mkv", seconds=4)[1]
    message = seen(cut(tmp_path / "cut.mkv", part, 0.4))[1]
    assert re.search(r"breaks off at 1\.\d+ s of the 4\.00 s", message)


# Damage


def test_damaged_frames_are_passed_over_and_their_stretch_is_named(tmp_path):
    picture = np.add.outer(np.arange(96), np.arange(128))[..., None] * np.array([1, 2, 3])
    whole = film(tmp_path / "a.mp4", [(picture + 3 * i).astype(np.uint8) for i in range(120)])
    path = with_damage(tmp_path / "b.mp4", whole, 40, 60)
    everything, message = seen(path, damaged=True)
    corrupt = [frame for frame in everything if frame.corrupt]
    assert len(corrupt) >= 5
    assert all(1.2 < frame.time < 2.2 for frame in corrupt)
    start, end = map(float, re.search(r"damaged from (\d+\.\d+) to (\d+\.\d+) s", message).groups())
    assert start == pytest.approx(corrupt[0].time, abs=0.01)
    assert end == pytest.approx(corrupt[-1].time + 1 / 30, abs=0.02)
    frames, again = seen(path)
    assert again == message
    assert not any(frame.corrupt for frame in frames)
    assert [frame.index for frame in frames] == [f.index for f in everything if not f.corrupt]
    assert frames[-1].time == pytest.approx(119 / 30)


def test_the_words_for_damage():
    damage = Damage()
    assert damage.message(3.0, None) is None
    for second in (1.0, 1.5, 4.0, 8.0, 12.0):
        damage.picture(second, second + 0.04)
    said = damage.message(20.0, None)
    assert "damaged from 1.00 to 1.54 s, 4.00 to 4.04 s, 8.00 to 8.04 s, 1 more stretch, and" in said
    damage.packet(19.9)
    assert "packet" not in damage.message(20.0, 60.0)  # the break itself
    assert "1 packet was lost" in damage.message(20.0, None)


# Times


def test_a_time_that_jumps_away_and_back_is_left_out_and_said(tmp_path):
    path = with_jump(tmp_path / "a.mp4", plain(6), number=3, seconds=3600)
    with pytest.warns(MediaWarning, match="1 picture is left out, whose time jumps away and back"):
        frames, message = seen(path)
    assert [round(frame.time * 1000) for frame in frames] == [0, 40, 80, 160, 200]
    assert message is None


@given(st.lists(st.floats(0.001, 100), max_size=20), st.floats(0.1, 5))
def test_times_that_go_forward_are_all_kept(steps, step):
    times, dropped = list(np.cumsum(steps)), []
    assert list(without_outliers(times, float, step, dropped)) == times
    assert not dropped


@pytest.mark.parametrize("jump", [-50.0, 7200.0])
def test_one_outlier_is_dropped_wherever_it_jumps(jump):
    times, dropped = [100 + i / 25 for i in range(20)], []
    times[7] = jump
    kept = list(without_outliers(times, float, 1.0, dropped))
    assert kept == times[:7] + times[8:]
    assert dropped == [(jump, times[6])]


@pytest.mark.parametrize("count", [2, 5, 6])
def test_several_outliers_in_sequence_are_dropped_and_a_new_clock_is_kept(count):
    times, dropped = [100 + i / 25 for i in range(20)], []
    times[7 : 7 + count] = [3600 + i / 25 for i in range(count)]
    kept = list(without_outliers(times, float, 1.0, dropped))
    away = times[7 : 7 + count] if count <= HELD else []
    assert kept == [time for time in times if time not in away]
    assert [time for time, _ in dropped] == away


def test_a_last_segment_of_one_picture_begins_at_its_own_start(tmp_path):
    parts = segments(tmp_path, plain(21), "mkv")
    assert len(parts) == 2
    frames, message = seen(parts[1])
    assert [(frame.time, round(frame.duration, 3)) for frame in frames] == [(0.0, 0.1)]
    assert message is None


@pytest.mark.parametrize(
    ("name", "codec", "form", "options"),
    [
        ("a.265", "libx265", "hevc", {"x265-params": "log-level=0:no-vui-timing-info=1"}),
        ("a.mjpg", "mjpeg", "mjpeg", {}),
    ],
)
def test_pictures_without_times_are_taken_at_a_rate_that_is_said(tmp_path, name, codec, form, options):
    path = raw(tmp_path / name, plain(10), codec, form, options=options)
    with pytest.warns(MediaWarning, match="without times; they are taken at 25 a second"):
        frames, message = seen(path)
    assert len(frames) == 10
    assert frames[5].time == pytest.approx(5 / 25)
    assert message is None


def test_raw_h264_with_timing_keeps_its_rate(tmp_path):
    frames, _ = seen(raw(tmp_path / "a.h264", plain(20), "libx264", "h264", rate=10))
    assert len(frames) == 20
    assert frames[10].time == pytest.approx(1.0)


def test_motion_jpeg_of_jfif_pictures_is_a_video_and_not_its_first_picture(tmp_path):
    data = io.BytesIO()
    for picture in plain(8, 240, 320):
        Image.fromarray(picture).save(data, "JPEG")
    path = tmp_path / "a.mjpg"
    path.write_bytes(data.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MediaWarning)
        assert len(seen(path)[0]) == 8


# Pictures


MATRICES = {  # a, b, c, d of the display matrix, and the same by numpy
    (1, 0, 0, 1): lambda p: p,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (-1, 0, 0, -1): lambda p: np.rot90(p, 2),
    (0, 1, -1, 0): lambda p: np.rot90(p, -1),
    (0, -1, 1, 0): np.rot90,
    (0, 1, 1, 0): lambda p: p.swapaxes(0, 1),
    (0, -1, -1, 0): lambda p: np.rot90(p, 2).swapaxes(0, 1),
}


@pytest.mark.parametrize("numbers", MATRICES)
def test_pictures_are_shown_as_the_display_matrix_says(tmp_path, numbers):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:16, :48], image[48:, :16] = 255, 128  # no turn or mirroring of it looks like another
    plainly, _ = seen(film(tmp_path / "a.mp4", [image] * 2))
    shown, _ = seen(with_matrix(tmp_path / "b.mp4", [image] * 2, numbers))
    np.testing.assert_array_equal(shown[0].image, MATRICES[numbers](plainly[0].image))


def test_the_eight_orientations_differ():
    picture = np.arange(6).reshape(2, 3)
    every = {
        Orientation(t, m, f).apply(picture).tobytes() + bytes(Orientation(t, m, f).apply(picture).shape)
        for t in (False, True)
        for m in (False, True)
        for f in (False, True)
    }
    assert len(every) == 8


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_video_of_several_is_watched(tmp_path, default):
    red, blue = plain(3)[0], plain(3)[2]
    frames, _ = seen(two_videos(tmp_path / "a.mkv", red, blue, default=default))
    assert np.abs(frames[0].image.astype(int) - COLOURS[(0, 2)[default]]).max() < 30


def test_pictures_larger_than_the_bound_are_refused(tmp_path):
    path = film(tmp_path / "a.mp4", plain(2, 48, 64))
    assert len(seen(path, max_pixels=48 * 64)[0]) == 2
    with pytest.raises(MediaError, match="64 x 48, more than the 3,071 pixels"):
        open_video(path, max_pixels=48 * 64 - 1)
    png = film(tmp_path / "b.mov", plain(1), codec="png", pixels="rgb24")  # decoded while the file is opened
    assert len(seen(png)[0]) == 1
    with pytest.raises(MediaError, match="more than the 3,071 pixels"):
        open_video(png, max_pixels=48 * 64 - 1)
    with pytest.raises(InputError, match="max_pixels must be 1 or more"):
        VideoSource(path, max_pixels=0)
