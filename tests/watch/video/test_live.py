"""Live sources against a server on loopback that cuts off, stalls and comes back."""

import itertools
import socket
import sys
import threading
import time
import warnings

import pytest

from stream_server import stream_server
from watch_films import film, noise, plain
from wolfdog.errors import InputError, MediaError, MediaWarning
from wolfdog.watch.video.live import LiveSource
from wolfdog.watch.video.live_address import CAMERAS, LiveOptions, camera_input, is_live, live_name
from wolfdog.watch.video.sampling import AllFrames, Rate

QUICK = LiveOptions(first_wait=0.05, longest_wait=0.2, stall=0.6, queue=1000)


@pytest.fixture(scope="module")
def chunks(tmp_path_factory):
    """Six seconds of MPEG-TS at 30 frames a second, each frame a keyframe, in 40 chunks."""
    path = film(tmp_path_factory.mktemp("live") / "a.ts", noise(180, 32, 32), codec="mpeg2video", rate=30)
    data = path.read_bytes()
    size = len(data) // 40 // 188 * 188
    return [data[at : at + size] for at in range(0, len(data), size)]


def watched(address, options, enough, sampling=None):
    """Pictures until `enough(pictures)`, and what was said."""
    pictures = []
    source = LiveSource(address, sampling=sampling or AllFrames(), options=options)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", MediaWarning)
        stream = iter(source)
        for picture in stream:
            pictures.append(picture)
            if enough(pictures):
                break
        stream.close()
    return pictures, [str(one.message) for one in said], source


class Heard:
    """Whether ten pictures have come since the server had so many connections."""

    def __init__(self, connections=4):
        self._connections, self._since = connections, None

    def __call__(self, connections, pictures):
        if connections >= self._connections and self._since is None:
            self._since = pictures
        return self._since is not None and pictures >= self._since + 10


def test_a_stream_that_is_cut_off_comes_back(chunks):
    with stream_server(chunks, [12, 10**6], refuse=[1, 2]) as (address, state):
        heard = Heard()
        pictures, said, _ = watched(address, QUICK, lambda seen: heard(state["connections"], len(seen)))
    assert state["connections"] >= 4
    times = [one.time for one in pictures]
    assert times == sorted(set(times))
    lost, back = said[:2]
    assert "the connection was lost at" in lost
    assert "is back after" in back
    assert "3 attempts" in back
    assert "secret" not in lost + back
    assert [one.index for one in pictures] == list(range(len(pictures)))


def test_the_watchdog_ends_a_connection_that_gives_nothing(chunks):
    with stream_server(chunks, [-10, 10**6]) as (address, state):
        heard = Heard(connections=2)
        _, said, _ = watched(address, QUICK, lambda seen: heard(state["connections"], len(seen)))
        assert state["connections"] >= 2
    assert "the connection was lost" in said[0]


def test_a_source_that_never_was_there_is_one_message():
    source = LiveSource("http://user:secret@127.0.0.1:9/none", options=QUICK)
    with pytest.raises(MediaError, match=r"http://127\.0\.0\.1:9/none: cannot be read"):
        list(source)
    assert threading.active_count() < 20


def test_late_frames_are_dropped_oldest_first(chunks):
    options = LiveOptions(first_wait=0.05, stall=1.0, queue=2)
    with stream_server(chunks, [10**6], pace=0.01) as (address, _):
        source = LiveSource(address, sampling=AllFrames(), options=options)
        stream, seen = iter(source), []
        for picture in stream:
            seen.append(picture.index)
            time.sleep(0.15)
            if source.dropped > 3 and len(seen) > 3:
                break
        stream.close()
    assert seen == sorted(seen)
    assert max(after - before for before, after in itertools.pairwise(seen)) > 1


def test_the_time_is_over_though_nothing_comes(chunks):
    options = LiveOptions(first_wait=0.05, longest_wait=0.1, stall=0.4, seconds=1.2)
    with stream_server(chunks, [6, 0]) as (address, _):
        began = time.monotonic()
        pictures, _, _ = watched(address, options, lambda seen: False)
        assert 1.0 < time.monotonic() - began < 8
    assert pictures
    assert pictures[-1].time < 1.2


def test_a_file_at_an_address_is_read_whole(tmp_path):
    path = film(tmp_path / "a.avi", plain(30), codec="mpeg4", rate=10)
    options = LiveOptions(queue=2)
    # By the same way as an address at which the length is known.
    whole = LiveSource(f"file:{path}", sampling=AllFrames(), options=options)
    assert len(list(whole)) == 30
    assert whole.dropped == 0
    assert [one.index for one in LiveSource(f"file:{path}", sampling=Rate(2.0), options=options)] == [
        0, 5, 10, 15, 20, 25
    ]  # fmt: skip


def test_a_source_that_gives_no_picture_in_its_time_is_a_message(chunks):
    options = LiveOptions(first_wait=0.05, stall=1.0, seconds=0.5)
    with (
        stream_server(chunks, [-1]) as (address, _),
        pytest.raises(MediaError, match="gave no picture within"),
    ):
        list(LiveSource(address, options=options))


def test_udp_that_is_cut_off_comes_back(tmp_path, chunks):
    """Datagrams of an MPEG transport stream, with a pause longer than the watchdog's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    over = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number, chunk in enumerate(itertools.cycle(chunks)):
                for at in range(0, len(chunk), 1316):
                    sender.sendto(chunk[at : at + 1316], ("127.0.0.1", port))
                if over.wait(1.2 if number == 8 else 0.1):
                    return

    def back(pictures):
        times = [one.time for one in pictures]
        return any(after - before > 0.5 for before, after in itertools.pairwise(times))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        options = LiveOptions(first_wait=0.05, longest_wait=0.2, stall=0.6, queue=1000, seconds=10)
        pictures, said, _ = watched(f"udp://127.0.0.1:{port}", options, back)
    finally:
        over.set()
        thread.join(5)
    assert back(pictures)
    assert "no data for 0.6 s" in said[0]
    assert "is back after" in said[1]
    assert [one.index for one in pictures] == list(range(len(pictures)))


def test_a_camera_is_opened_by_the_format_of_the_platform(monkeypatch):
    """libav's test picture, at a camera's pace, in place of a camera's format; the rest is the way of a real one."""
    monkeypatch.setitem(CAMERAS, sys.platform, ("lavfi", "testsrc2=size=64x48:rate={},realtime"))
    options = LiveOptions(seconds=1.0, queue=100)
    pictures = list(LiveSource("camera:30", sampling=AllFrames(), options=options))
    assert len(pictures) > 5
    assert (pictures[0].image.width, pictures[0].image.height) == (64, 48)


def test_names_of_cameras(monkeypatch):
    monkeypatch.setitem(CAMERAS, sys.platform, ("v4l2", "/dev/video{}"))
    assert camera_input("camera:1") == ("v4l2", "/dev/video1", {})
    assert camera_input("camera:/dev/v4l/by-id/x?video_size=1280x720&framerate=15") == (
        "v4l2",
        "/dev/v4l/by-id/x",
        {"video_size": "1280x720", "framerate": "15"},
    )
    source = LiveSource("camera:/dev/no-such-camera", options=QUICK)
    with pytest.raises(MediaError, match="no-such-camera: cannot be read"):
        list(source)


def test_names_and_options():
    assert is_live("camera:1")
    assert is_live("UDP://@:1234")
    assert not is_live("http")
    assert live_name("http://me:you@cam.local/live/1.m3u8?token=3") == "cam.local_live_1.m3u8"
    for wrong in (
        {"first_wait": 0},
        {"first_wait": 9, "longest_wait": 3},
        {"stall": 0},
        {"queue": 0},
        {"seconds": 0},
    ):
        with pytest.raises(InputError, match="live source"):
            LiveOptions(**wrong)


def test_times_that_go_back_are_aligned_at_once(tmp_path):
    """A camera whose clock is set back by two seconds: the pictures after it are not held back by two seconds."""
    from wolfdog.watch.video.live_connection import Connection

    times = [0, 40, 80, 120, 160, 200, 240, 280, 320, 360]
    path = film(tmp_path / "a.mkv", plain(10), codec="mpeg4", times=times)
    clock = iter(2.0 + 0.04 * k for k in range(100))
    connection = Connection(str(path), LiveOptions(), lambda: next(clock), 50, 2.5)
    found = [picture.time for picture in connection.pictures(lambda: False)]
    assert not connection._jumped(2.6 + found[-1], 2.6 + found[-1])
    assert connection._jumped(found[-1] - 2.0, found[-1])
    assert connection._jumped(found[-1] + 9.0, found[-1])
    assert found[0] >= 2.5
    assert found == sorted(found)
