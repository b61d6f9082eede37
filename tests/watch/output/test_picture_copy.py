"""Annotated copies that are drawn from a small copy of the pictures, made while the video is watched."""

import av
import numpy as np
import pytest

from watch_films import cut, film, noise, plain
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.output import picture_copy
from wolfdog.watch.output.annotate import annotate
from wolfdog.watch.output.picture_copy import PictureCopy
from wolfdog.watch.recorder import Recorder
from wolfdog.watch.video import decoding
from wolfdog.watch.video.source import VideoSource

WIDE = {"height": 240, "width": 320}


@pytest.fixture(autouse=True)
def _every_video_is_worth_a_copy(monkeypatch):
    monkeypatch.setattr(picture_copy, "WORTHWHILE", 0.0)


def pixels(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("rotation", [0, 1])
def test_the_annotated_video_is_that_of_a_second_pass(tmp_path, rotation):
    times = [0, 40, 90, 400, 1000, 1040, 1100, 1300]
    source = film(tmp_path / "a.mp4", plain(8, **WIDE), times=times, rotation=rotation)
    copy = PictureCopy(tmp_path / "copy.mkv", 320)
    with VideoSource(source, 16, observer=copy) as video:
        assert len(list(video)) == 8
    assert copy.whole
    annotate(source, [], tmp_path / "one.mp4", ["wolf", "dog"], width=320, copy=copy)
    annotate(source, [], tmp_path / "two.mp4", ["wolf", "dog"], width=320)
    copy.remove()
    assert not (tmp_path / "copy.mkv").exists()
    one, two = pixels(tmp_path / "one.mp4"), pixels(tmp_path / "two.mp4")
    assert [time for time, _ in one] == [time for time, _ in two]
    for (_, copied), (_, decoded) in zip(one, two, strict=True):
        assert copied.shape == decoded.shape
        assert np.abs(copied.astype(int) - decoded).mean() < 3


def test_a_damaged_video_is_copied_as_far_as_it_goes(tmp_path):
    whole = film(tmp_path / "w.mkv", noise(20, **WIDE), rate=10)
    source = cut(tmp_path / "a.mkv", whole, 0.5)
    copy = PictureCopy(tmp_path / "copy.mkv", 320)
    with VideoSource(source, 16, observer=copy) as video, pytest.raises(Exception, match="breaks off"):
        list(video)
    assert copy.whole
    assert 5 < sum(1 for _ in copy.pictures()) < 15
    copy.remove()


def test_a_video_that_is_left_early_or_small_has_no_copy(tmp_path, monkeypatch):
    source = film(tmp_path / "a.mp4", plain(8, **WIDE))
    copy = PictureCopy(tmp_path / "copy.mkv", 320)
    with VideoSource(source, 16, observer=copy) as video:
        next(iter(video))
    assert not copy.whole
    copy.remove()
    monkeypatch.setattr(picture_copy, "WORTHWHILE", 4)
    copy = PictureCopy(tmp_path / "copy.mkv", 320)
    with VideoSource(source, 16, observer=copy) as video:
        list(video)
    assert not copy.whole
    assert not (tmp_path / "copy.mkv").exists()


def test_a_copy_that_cannot_be_written_is_done_without(tmp_path):
    copy = PictureCopy(tmp_path / "no such folder" / "copy.mkv", 320)
    with VideoSource(film(tmp_path / "a.mp4", plain(4)), 16, observer=copy) as video:
        assert len(list(video)) == 4
    assert not copy.whole


def test_the_recorder_decodes_each_video_once(tmp_path, monkeypatch):
    opened = []
    original = decoding.Decoding.__iter__

    def counted(self):
        opened.append(self)
        return original(self)

    monkeypatch.setattr(decoding.Decoding, "__iter__", counted)
    source = film(tmp_path / "a.mp4", plain(20), rate=10)
    watcher = Watcher(
        WatcherConfig(("wolf", "dog"), 5.0, size=16, width=2, embedding=4, memory="none")
    ).eval()
    with Recorder(WatcherLabeller(watcher, "w"), tmp_path / "out", annotated=True) as recorder:
        assert recorder.watch(source, "a.mp4", lambda *_: None).trouble is None
    assert len(opened) == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.mp4.annotated.mp4", "a.mp4.png", "a.mp4.vtt", "events.csv", "moments.csv", "predictions.parquet",
    }  # fmt: skip
    assert len(pixels(tmp_path / "out" / "a.mp4.annotated.mp4")) == 20
