"""Clips of events."""

import csv

import av
import numpy as np
import pytest

from watch_faults import with_sound
from watch_films import COLOURS, film, plain
from watch_moments import moment
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.output.clips import Clip, ClipChoice, cut_clips
from wolfdog.watch.recorder import Recorder
from wolfdog.watch.video.discover import find_videos


def chosen(labels, **options):
    choice = ClipChoice(**options)
    for number, label in enumerate(labels):
        choice.add(moment(float(number), label, duration=1.0, classes=("wolf", "dog", "unknown", "blank")))
    return choice.clips()


def test_events_become_clips_with_a_margin():
    labels = ["unknown"] * 5 + ["wolf"] * 2 + ["unknown"] * 5 + ["dog"] + ["wolf"] + ["blank"] * 3
    assert chosen(labels, margin=2.0) == [Clip(3, 9, "wolf"), Clip(10, 15, "dog"), Clip(11, 16, "wolf")]
    assert chosen(labels, margin=0.0, min_event=2.0) == [Clip(5, 7, "wolf")]
    assert chosen(["wolf", "unknown", "wolf"], margin=1.0) == [Clip(0, 4, "wolf")]
    with pytest.raises(InputError, match="margin"):
        ClipChoice(margin=-1)


def times_and_colours(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")[24, 32]) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "libx264"), ("mkv", "mpeg4"), ("avi", "mpeg4"), ("avi", "mjpeg")]
)
def test_a_clip_holds_the_event_and_little_else(tmp_path, ending, codec):
    pictures = [np.full((48, 64, 3), COLOURS[second % 4], np.uint8) for second in range(8) for _ in range(10)]
    options = {"pixels": "yuvj420p"} if codec == "mjpeg" else {}
    source = film(tmp_path / f"a.{ending}", pictures, codec=codec, rate=10, **options)
    [path] = cut_clips(source, [Clip(4.5, 6.0, "red fox/x")], tmp_path / "clips")
    assert path.name == f"000004.50 red_fox_x{'.mkv' if codec == 'mjpeg' else '.mp4'}"
    seen = times_and_colours(path)
    assert seen[0][0] == pytest.approx(0, abs=0.25)
    colours = [int(np.abs(COLOURS - colour.astype(int)).sum(1).argmin()) for _, colour in seen]
    assert colours.count(1) >= 9  # second 5, whole
    assert colours.count(0) >= 4  # the half of second 4
    assert colours[-1] in (1, 2)
    assert len(seen) <= 63


def test_sound_is_kept_and_troubles_are_one_message(tmp_path):
    source = with_sound(tmp_path / "a.mp4", plain(90))
    [path] = cut_clips(source, [Clip(1.0, 2.0, "dog")], tmp_path / "clips")
    with av.open(str(path)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        assert sum(packet.size for packet in container.demux(audio=0)) > 0
    assert cut_clips(source, [], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
    with pytest.raises(MediaError, match="no such file"):
        cut_clips(tmp_path / "none.mp4", [Clip(0, 1, "dog")], tmp_path / "clips")


def test_clips_in_a_source_are_not_watched_again(tmp_path):
    film(tmp_path / "a.mp4", plain(3))
    for name in ("moments.csv", "events.csv"):
        (tmp_path / name).touch()
    cut_clips(tmp_path / "a.mp4", [Clip(0, 1, "dog")], tmp_path / "clips" / "a.mp4")
    (tmp_path / "clips" / "holiday").mkdir()
    film(tmp_path / "clips" / "b.mp4", plain(3))  # the user's own folder has that name too
    film(tmp_path / "clips" / "holiday" / "c.mp4", plain(3))
    assert [path.name for path in find_videos(tmp_path)] == ["a.mp4", "b.mp4", "c.mp4"]


def test_the_recorder_cuts_the_events_of_each_video(tmp_path):
    watcher = Watcher(
        WatcherConfig(("wolf", "dog"), 5.0, size=16, width=2, embedding=4, memory="none")
    ).eval()
    film(tmp_path / "a.mp4", plain(30), rate=10)
    with Recorder(WatcherLabeller(watcher, "w"), tmp_path / "out", clips=0.5) as recorder:
        done = recorder.watch(tmp_path / "a.mp4", "a.mp4", lambda *_: None)
    assert done.trouble is None
    with (tmp_path / "out" / "events.csv").open(newline="") as file:
        labels = {row["label"] for row in csv.DictReader(file)}
    cut = sorted((tmp_path / "out" / "clips" / "a.mp4").iterdir())
    assert {path.stem.partition(" ")[2] for path in cut} == labels
    assert all(times_and_colours(path) for path in cut)
