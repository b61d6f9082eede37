import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch_films import COLOURS, cut, film, noise, plain, sound
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.video.container import open_video
from wolfdog.watch.video.decoding import Decoding
from wolfdog.watch.video.sampling import AllFrames, Every, Rate
from wolfdog.watch.video.source import Frame, VideoSource, batches
from wolfdog.watch.video.timestamps import Clock, TimeBase


def seen(source):
    """What a source gives up to its end or its break, and the message it broke with, or None."""
    frames = []
    try:
        for frame in source:
            frames.append(frame)
    except MediaError as error:
        return frames, str(error)
    return frames, None


def check_times(frames):
    times = [f.time for f in frames]
    assert all(a < b for a, b in itertools.pairwise(times)), times
    for frame, following in itertools.pairwise(frames):
        assert frame.time + frame.duration == pytest.approx(following.time)


def test_the_check_of_times_sees_a_step_back():
    image = np.zeros((1, 1, 3), np.uint8)
    with pytest.raises(AssertionError):
        check_times([Frame(0, 0.5, 0.1, image), Frame(1, 0.4, 0.1, image)])
    with pytest.raises(AssertionError):
        check_times([Frame(0, 0.5, 0.1, image), Frame(1, 0.9, 0.1, image)])


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.mp4", "libx264", "yuv420p"), ("A.AVI", "mjpeg", "yuvj420p"), ("a.mkv", "mpeg4", "yuv420p"),
     ("a.ts", "mpeg2video", "yuv420p")],
)  # fmt: skip
def test_frames_times_and_colours(tmp_path, name, codec, pixels):
    path = film(tmp_path / name, plain(12), codec=codec, pixels=pixels, rate=25)
    with VideoSource(path, size=16) as source:
        assert source.rate == pytest.approx(25)
        frames = list(source)
    assert [f.index for f in frames] == list(range(12))
    # Matroska keeps milliseconds, so times are exact to half of one.
    np.testing.assert_allclose([f.time for f in frames], np.arange(12) / 25, atol=6e-4)
    assert frames[-1].time + frames[-1].duration == pytest.approx(12 / 25, abs=6e-4)
    check_times(frames)
    for frame in frames:
        assert frame.image.shape == (16, 16, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert np.abs(frame.image.astype(int) - COLOURS[frame.index % 4]).max() < 25


def test_variable_frame_rate_is_kept(tmp_path):
    times = [0, 40, 50, 700, 5000, 5033]
    path = film(tmp_path / "vfr.mp4", plain(6), times=times)
    frames = list(VideoSource(path, 8))
    np.testing.assert_allclose([f.time for f in frames], np.array(times) / 1000, atol=1e-6)
    assert frames[3].duration == pytest.approx(4.3)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_the_camera_s_rotation_is_carried_out(tmp_path, quarters):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:24, :24] = 255  # light at the top left; a quarter clockwise moves it to the top right
    path = film(tmp_path / "turned.mp4", [image] * 3, rotation=quarters)
    frame = next(iter(VideoSource(path, 32)))
    corners = frame.image[[4, 4, 27, 27], [4, 27, 27, 4]].mean(1)  # clockwise from the top left
    assert corners.argmax() == quarters
    assert corners.max() > 200
    assert np.sort(corners)[2] < 50


def test_every_and_rate_pick_the_frames_they_say(tmp_path):
    path = film(tmp_path / "a.mp4", plain(31), rate=30)
    assert [f.index for f in VideoSource(path, 8, sampling=Every(10))] == [0, 10, 20, 30]
    frames = list(VideoSource(path, 8, sampling=Rate(5.0)))
    assert [f.index for f in frames] == [0, 6, 12, 18, 24, 30]
    check_times(frames)
    assert frames[-1].time + frames[-1].duration == pytest.approx(31 / 30)
    assert [f.index for f in VideoSource(path, 8, sampling=Rate(1000.0))] == list(range(31))


class At(float):
    time = property(float)
    end = property(lambda self: self + 0.05)


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=60),
    st.sampled_from([0.3, 1.0, 5.0, 7.3, 25.0, 120.0]),
    st.floats(0, 50),
)
def test_rate_picks_the_nearest_frame_to_each_tick(steps, hz, start):
    frames = [At(start + t / 100) for t in np.cumsum(steps)]
    picked = list(Rate(hz).pick(iter(frames)))
    assert all(a < b for a, b in itertools.pairwise(picked))
    end = frames[-1].end
    ticks = np.arange(frames[0], end + 1e-9, 1 / hz)
    distance = np.abs(np.array(frames)[None] - ticks[:, None])  # [ticks, frames]
    near = distance <= distance.min(1, keepdims=True) + 1e-9
    # Where two frames are as near to a tick, and for a tick at the very end, rounding may decide either way.
    sure = near[(near.sum(1) == 1) & (ticks < end - 1e-9)].any(0)
    assert {f for f, s in zip(frames, sure, strict=True) if s} <= set(picked)
    assert set(picked) <= {f for f, n in zip(frames, near.any(0), strict=True) if n}


def test_a_gap_of_years_costs_no_time():
    assert list(Rate(1000.0).pick(iter([At(0.0), At(1e9), At(1e9 + 1)]))) == [0.0, 1e9, 1e9 + 1]


@pytest.mark.parametrize("n", [0, -3])
def test_sampling_refuses_nonsense(n):
    with pytest.raises(InputError, match="1 or more"):
        Every(n)
    with pytest.raises(InputError, match="above 0"):
        Rate(n)
    with pytest.raises(InputError, match="above 0"):
        Rate(float("nan"))
    assert list(AllFrames().pick(iter([1, 2]))) == [1, 2]


@given(st.integers(-(2**63), 2**63 - 1), st.fractions(min_value="1/1000000000", max_value=10**6))
def test_a_time_base_gives_the_nearest_number_to_the_exact_seconds(stamp, base):
    assert TimeBase.of(base).seconds(stamp) == float(stamp * base)


@given(st.lists(st.none() | st.floats(-1000, 1000), max_size=30))
def test_a_clock_only_goes_forward(stamps):
    clock = Clock(origin=-3.0, period=0.04)
    times = [clock.read(s) for s in stamps]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert all(t >= 0 for t in times)


def test_time_goes_on_where_a_recorder_starts_its_clock_anew():
    clock = Clock(origin=0.0, period=0.04)
    assert [clock.read(t) for t in (5.0, 0.0, 0.5, 0.75)] == pytest.approx([5.0, 5.04, 5.54, 5.79])


def bad_files(folder):
    (folder / "zero.mp4").touch()
    (folder / "noise.mp4").write_bytes(os.urandom(4096))
    (folder / "words.txt").write_text("a wolf, not a dog\n" * 50)
    (folder / "words.mp4").write_text("a wolf, not a dog\n" * 50)
    (folder / "list.mp4").write_text("ffconcat version 1.0\nfile good.mp4\n")
    (folder / "folder.mp4").mkdir()
    sound(folder / "sound.mp4")
    film(folder / "good.mp4", noise(30))
    cut(folder / "headless.mp4", folder / "good.mp4", 0.6)
    film(folder / "picture.png", noise(1), codec="png", pixels="rgb24", options={"update": "1"})


BAD = {
    "missing.mp4": "no such file",
    "zero.mp4": "empty",
    "noise.mp4": "not a video",
    "words.txt": "it is text",
    "words.mp4": "not a video",
    "list.mp4": "list of other files",
    "folder.mp4": "a folder",
    "sound.mp4": "no video in it",
    "headless.mp4": "header",
    "picture.png": "still picture",
}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_bad_file_is_one_clear_message(tmp_path, capfd):
    bad_files(tmp_path)
    for name, what in BAD.items():
        with pytest.raises(MediaError, match=what) as caught:
            VideoSource(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert str(caught.value).count("\n") == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes there")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match="pipe"):
        VideoSource(tmp_path / "pipe.mp4")


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "options"),
    [("a.mp4", "libx264", "yuv420p", {"movflags": "faststart"}), ("a.avi", "mjpeg", "yuvj420p", {}),
     ("a.mkv", "libx264", "yuv420p", {})],
)  # fmt: skip
def test_a_file_that_breaks_off_gives_what_it_holds_and_then_says_when(
    tmp_path, capfd, name, codec, pixels, options
):
    whole = film(tmp_path / f"whole_{name}", noise(120), codec=codec, pixels=pixels, options=options)
    broken = cut(tmp_path / name, whole, 0.5)
    frames, message = seen(VideoSource(broken, 16))
    assert 40 < len(frames) < 70
    check_times(frames)
    assert message is not None
    when = float(re.search(r"(\d+\.\d+) s", message)[1])
    assert when == pytest.approx(frames[-1].time, abs=0.15)
    intact = list(VideoSource(whole, 16))
    assert len(intact) == 120
    for a, b in zip(frames[:40], intact, strict=False):
        np.testing.assert_array_equal(a.image, b.image)
    assert capfd.readouterr() == ("", "")


class Unreadable:
    """A container that cannot be read further after so many packets."""

    def __init__(self, container, packets, error):
        self.container, self.packets, self.error = container, packets, error

    def __getattr__(self, name):
        return getattr(self.container, name)

    def demux(self, stream):
        yield from itertools.islice(self.container.demux(stream), self.packets)
        raise self.error


@pytest.mark.parametrize("error", [OSError("input/output error"), IndexError("list index out of range")])
def test_where_reading_fails_the_frames_of_all_packets_read_come_out(tmp_path, error):
    container, stream = open_video(film(tmp_path / "a.mp4", noise(60)))
    with container:
        decoding = Decoding(Unreadable(container, 40, error), stream)
        pictures = list(decoding)
    assert len(pictures) == 40  # those that wait in the decoder for others to be shown before them, too
    assert pictures[-1].time == pytest.approx(39 / 30, abs=0.2)
    assert f"cannot be read further than {pictures[-1].end:.2f} s" in decoding.trouble


class Spoilt:
    """A stream whose packets from number 10 on to 12 cannot be decoded, and whose frames say little of time."""

    def __init__(self, stream):
        self.stream, self.count = stream, 0

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def decode(self, packet):
        self.count += 1
        if 10 <= self.count <= 12:
            raise ValueError("spoilt")
        frames = self.stream.decode(packet)
        for frame in frames:
            if self.count % 2:
                frame.dts, frame.pts = frame.pts, None
            frame.duration = 0
        return frames


def test_spoilt_packets_are_counted_and_frames_keep_their_times(tmp_path):
    container, stream = open_video(
        film(tmp_path / "a.avi", noise(30), codec="mjpeg", pixels="yuvj420p", rate=25)
    )
    with container:
        decoding = Decoding(container, Spoilt(stream))
        packets = list(container.demux(stream))[:-1]
        decoding._packets = lambda: packets
        pictures = list(decoding)
    assert [round(p.time * 25) for p in pictures] == [*range(9), *range(12, 30)]
    assert [p.end - p.time for p in pictures] == pytest.approx([1 / 25] * 27)
    assert "damaged from about 0.36 s on: 3 packets were lost" in decoding.trouble


def test_damage_in_the_middle_costs_only_its_own_frames(tmp_path):
    path = film(tmp_path / "a.avi", noise(60), codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(bytes(data))
    frames, message = seen(VideoSource(path, 16))
    check_times(frames)
    assert message is not None
    assert "damaged from about" in message or "breaks off" in message
    assert 25 < len(frames) < 60


def test_batches_keep_what_was_seen_before_the_break(tmp_path):
    film(tmp_path / "whole.avi", noise(120), codec="mjpeg", pixels="yuvj420p")
    broken = cut(tmp_path / "a.avi", tmp_path / "whole.avi", 0.5)
    frames, _ = seen(VideoSource(broken, 8))
    got, message = seen(batches(VideoSource(broken, 8), 16))
    assert "breaks off" in message
    assert [f.index for b in got for f in b] == [f.index for f in frames]
    assert all(len(b) == 16 for b in got[:-1])
    assert list(batches([], 4)) == []
    with pytest.raises(InputError, match="1 or more"):
        next(batches([], 0))


def test_passes_closing_and_size(tmp_path):
    path = film(tmp_path / "cam:3 %d.mp4", plain(9))
    with VideoSource(path, 8) as source:
        assert source.seconds == pytest.approx(0.3)
        first = iter(source)
        next(first)
        assert [f.index for f in source] == list(range(9))  # a new pass, and the old one has ended
        assert list(first) == []
        under_way = iter(source)
        next(under_way)
    assert list(under_way) == []
    with pytest.raises(InputError, match="1 or more"):
        VideoSource(path, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files the Linux way")
def test_no_file_is_left_open(tmp_path):
    path = film(tmp_path / "a.mp4", plain(9))

    def held_open():
        return [link for link in Path("/proc/self/fd").iterdir() if os.path.realpath(link) == str(path)]

    with VideoSource(path) as source:
        for _ in source:
            assert held_open()
            break
    assert not held_open()
    with VideoSource(path) as source:
        iter(source)
    assert not held_open()
    list(VideoSource(path))
    assert not held_open()


MEMORY = """
import re, sys
from pathlib import Path
from wolfdog.watch.video.source import VideoSource

def peak():  # KiB; not getrusage's, which counts what the parent held before this program began
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

short, long = sys.argv[1:]
for frame in VideoSource(short, 64):
    pass
before = peak()
for frame in VideoSource(long, 64):
    pass
watched = peak()
hoard = list(VideoSource(long, 64))
print(watched - before, peak() - watched)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path):
    short = film(tmp_path / "short.mp4", plain(30, 240, 320), codec="mpeg4")
    long = film(tmp_path / "long.mp4", plain(1000, 240, 320), codec="mpeg4")
    command = [sys.executable, "-c", MEMORY, short, long]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    watched, hoarded = map(int, answer.split())
    # The 970 frames more are 12 MB as 64 x 64 RGB, and 110 MB as libav holds them.
    assert watched < 6000  # arenas of threads come and go
    assert hoarded > 8000  # so the measure measures
