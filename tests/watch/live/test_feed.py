"""One source that is watched: events, faults, connections that are lost, films that end."""

import time

import numpy as np
import pytest

from live_sources import Coloured, ColourSteps, coloured, until
from stream_server import stream_server
from watch_films import film, noise
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.live.feed import Feed
from wolfdog.watch.live.loading import SourceOptions, open_sources
from wolfdog.watch.live.pictures import FilePictures, PictureSource, StreamPictures
from wolfdog.watch.live.soonest import Soonest
from wolfdog.watch.video.live_address import LiveOptions


@pytest.fixture(scope="module")
def transport_stream(tmp_path_factory):
    """Six seconds of MPEG-TS at 30 frames a second, each frame a keyframe, in 40 chunks."""
    path = film(tmp_path_factory.mktemp("live") / "a.ts", noise(180, 32, 32), codec="mpeg2video", rate=30)
    data = path.read_bytes()
    size = len(data) // 40 // 188 * 188
    return [data[at : at + size] for at in range(0, len(data), size)]


def watched(source, seconds=10.0, labeller=None):
    """A feed whose source has ended, and its messages."""
    messages = []
    feed = Feed(0, source, labeller or ColourSteps(), publish=messages.append)
    feed.start(time.monotonic())
    feed.join(seconds)
    return feed, messages


def test_moments_and_events():
    feed, messages = watched(Coloured(("bear", "unknown", "wolf"), fps=200.0, most=60))
    moments = [one for one in messages if one["type"] == "moment"]
    assert [one["number"] for one in moments] == list(range(60))
    assert [one["snapshot"] for one in moments] == (["bear"] * 10 + ["unknown"] * 10 + ["wolf"] * 10) * 2
    assert [one["context"] for one in moments] == (["bear"] * 20 + ["wolf"] * 10) * 2
    events = [one for one in messages if one["type"] == "event"]
    assert [(one["label"], one["first"], one["moments"]) for one in events] == [
        ("bear", 0, 20),
        ("wolf", 20, 10),
        ("bear", 30, 20),
        ("wolf", 50, 10),
    ]
    for event in events:
        assert event["first"] <= event["number"] < event["first"] + event["moments"]
        assert feed.picture(event["number"]).startswith(b"\xff\xd8")
    assert feed.state == "ended"
    assert [one["at"] for one in moments] == sorted(one["at"] for one in moments)


def test_an_explanation_follows():
    feed, messages = watched(Coloured(("bear", "unknown"), fps=200.0, most=18))
    feed.explain()
    [gates] = [one for one in messages if one["type"] == "gates"]
    assert (gates["first"], gates["moments"], gates["panels"], gates["rows"]) == (
        0,
        18,
        ["learn", "forget"],
        3,
    )
    [verdict] = [one for one in messages if one["type"] == "evidence"]
    assert verdict["label"] == "bear"
    assert [one["label"] for one in verdict["past"]] == ["bear"]
    assert verdict["past"][0]["number"] < 10
    assert {one["type"] for one in feed.backlog(-1)} == {"moment", "event", "evidence", "gates"}
    assert [one["number"] for one in feed.backlog(15) if one["type"] == "moment"] == [16, 17]


class Broken(PictureSource):
    """Source that fails."""

    def __init__(self, error, kind="file"):
        super().__init__("broken", kind, 50.0)
        self.error, self.calls = error, 0

    def pictures(self, say):
        self.calls += 1
        yield coloured("bear", self.calls, self.fps)
        raise self.error


def test_a_file_that_breaks_off():
    feed, _ = watched(Broken(MediaError("garden.mp4: damaged")))
    assert (feed.state, feed.text) == ("failed", "garden.mp4: damaged")
    assert len(feed.history) == 1


def test_a_stream_is_tried_again():
    source = Broken(MediaError("away"), "stream")
    feed = Feed(0, source, ColourSteps(), publish=lambda message: None)
    feed.start(time.monotonic())
    until(lambda: source.calls == 2)
    feed.stop()
    feed.join(5)
    assert len(feed.history) == 2


def test_a_fault_is_told_and_does_not_spread(capfd):
    feed, messages = watched(Broken(ZeroDivisionError("oh")))
    assert feed.state == "failed"
    assert "ZeroDivisionError" in feed.text
    assert "Traceback" in capfd.readouterr().err
    assert messages[-1]["type"] in ("event", "source")


def test_a_film_keeps_its_speed(tmp_path):
    source = FilePictures(film(tmp_path / "a.mp4", noise(30), rate=20), 10.0)
    began, found = time.monotonic(), []
    for picture in source.pictures(print):
        found.append((time.monotonic() - began, picture.picture.time))
        if len(found) == 3:
            time.sleep(0.25)  # the labels are late: two pictures pass
    wall, seconds = np.array(found).T
    assert source.dropped >= 1
    assert np.abs((wall - wall[0]) - (seconds - seconds[0])).max() < 0.15


def test_soonest_takes_no_more_than_its_rate():
    class At(float):
        time = property(float)

    jitter = np.random.default_rng(0).normal(0, 0.01, 200)
    taken = [float(t) for t in Soonest(5.0).pick(iter([At(k / 25 + jitter[k]) for k in range(200)]))]
    assert len(taken) == pytest.approx(40, abs=2)
    assert np.diff(taken).min() > 0.1
    with pytest.raises(InputError, match="above 0"):
        Soonest(0.0)


def test_a_stream_that_is_cut_off_comes_back(transport_stream):
    """Each connection is cut; moments go on with rising times, and the page is told."""
    options = LiveOptions(first_wait=0.05, longest_wait=0.1, stall=2.0)
    with stream_server(transport_stream, [12, 10**6], pace=0.02, refuse=[1, 2]) as (address, state):
        source = StreamPictures(address, 20.0, options=options)
        assert "secret" not in source.name
        messages = []
        feed = Feed(0, source, ColourSteps(), publish=messages.append)
        feed.start(time.monotonic())
        told = lambda state: any(one.get("state") == state for one in messages)  # noqa: E731
        until(lambda: state["connections"] >= 4 and told("lost") and feed.state == "watching", 15)
        feed.stop()
        feed.join(5)
    states = [one["state"] for one in messages if one["type"] == "source"]
    assert states[:3] == ["watching", "lost", "watching"]
    assert all("secret" not in one.get("text", "") for one in messages)
    times = [one["time"] for one in messages if one["type"] == "moment"]
    assert times == sorted(set(times))


@pytest.mark.parametrize("name", ["nothing.mp4", ".", "camera.txt"])
def test_sources_that_are_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Give a video file, camera:0"):
        open_sources([name])


def test_sources_of_one_name_are_told_apart():
    found = open_sources(["tv", "tv"], SourceOptions(seed=4))
    assert [source.name for source, _ in found] == ["television-1", "television-2"]
    assert found[0][1].classes == ("wolf", "dog", "bear", "goldfish", "unknown")
    with pytest.raises(InputError, match="1 to 16"):
        open_sources([])
