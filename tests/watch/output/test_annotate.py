import itertools

import av
import numpy as np
import pytest

from watch_films import COLOURS, cut, film, noise, plain, sound
from watch_moments import CLASSES, moment
from wolfdog.errors import InputError, MediaError
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.moments import Event, Moment
from wolfdog.watch.output.annotate import annotate
from wolfdog.watch.output.label_strip import LabelStrip
from wolfdog.watch.output.palette import OTHERS, palette
from wolfdog.watch.recorder import Recorder

PAINTS = palette(CLASSES)


def frames_of(path):
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def colour(image, x, y):
    """The mean colour about a place, given in parts of width and in pixels from the top."""
    x = round(x * image.shape[1])
    return image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(0)


def near(image, x, y, rgb):
    return np.abs(colour(image, x, y) - np.array(rgb)).max() < 30


BOX = 0.20  # a place in the label's box, left of its text


def rows(strip_height, count):
    """The middle of each row of the strip, in pixels from its top."""
    return [round((i + 0.5) * strip_height / count) for i in range(count)]


def test_the_strip_shows_both_labels_the_truth_and_the_probabilities():
    strip = LabelStrip(CLASSES, 640, with_truth=True)
    image = np.asarray(strip.draw(moment(0.0, "wolf", "dog", sure=0.8), "bear"))
    assert image.shape == (strip.height, 640, 3)
    assert strip.height % 2 == 0
    for y, label in zip(rows(strip.height, 3), ("bear", "wolf", "dog"), strict=True):
        assert near(image, BOX, y, PAINTS[label].rgb), label
    context, snapshot = rows(strip.height, 3)[1:]
    # The bar: wolf 0.8 and then the others, 0.05 each, in the order of the classes.
    assert near(image, 0.60, context, PAINTS["wolf"].rgb)
    assert near(image, 0.57 + 0.42 * 0.825, context, PAINTS["dog"].rgb)
    assert near(image, 0.57 + 0.42 * 0.025, snapshot, PAINTS["wolf"].rgb)
    assert near(image, 0.57 + 0.42 * 0.12, snapshot, PAINTS["dog"].rgb)


def test_the_strip_before_the_first_moment_and_for_long_names():
    strip = LabelStrip(("a very long name of an animal indeed, seldom seen", "dog"), 320, with_truth=False)
    blank = np.asarray(strip.draw(None, None))
    assert not near(blank, BOX, rows(strip.height, 2)[0], PAINTS["wolf"].rgb)
    long = np.asarray(strip.draw(moment(0.0, strip.classes[0], classes=strip.classes), None))
    assert not np.array_equal(long, blank)
    # The name is cut to its box: the pixels on both sides of it stay as they were.
    left, right = round(0.17 * 320), round(0.47 * 320)
    np.testing.assert_array_equal(long[:, right : right + 8], blank[:, right : right + 8])
    np.testing.assert_array_equal(long[:, left - 1], blank[:, left - 1])


def test_pictures_times_and_the_verdict_of_the_moment(tmp_path):
    times = [0, 200, 400, 450, 1500, 1700]
    source = film(tmp_path / "in.mp4", plain(6, 32, 64), times=times)
    moments = [moment(0.2, "wolf", "dog", frame=1), moment(0.45, "bear", frame=3)]
    truth = [Event("", 0.0, 0.42, "goldfish", 1.0, 1), Event("", 1.6, 9.0, "dog", 1.0, 1)]
    annotate(source, moments, tmp_path / "out.MOV", CLASSES, truth=truth, width=320)
    got = frames_of(tmp_path / "out.MOV")
    assert [round(1000 * t) for t, _ in got] == times
    strip = LabelStrip(CLASSES, 320, with_truth=True)
    at = [160 + y for y in rows(strip.height, 3)]
    said = [(None, None)] + 2 * [("wolf", "dog")] + 3 * [("bear", "bear")]
    really = ["goldfish"] * 3 + [None] * 2 + ["dog"]
    for i, (_, image) in enumerate(got):
        assert image.shape == (160 + strip.height, 320, 3)
        assert near(image, 0.5, 80, COLOURS[i % 4])
        for y, label in zip(at, (really[i], *said[i]), strict=True):
            assert near(image, BOX, y, PAINTS[label].rgb if label else (26, 26, 26)), (i, label)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.MOV"]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_rotated_videos_stand_upright(tmp_path, quarters):
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16, :32] = 255  # light at the top left; each quarter clockwise moves it on by a corner
    source = film(tmp_path / "in.mp4", [image] * 2, rotation=quarters)
    annotate(source, [moment(0.0, "wolf")], tmp_path / "out.mp4", CLASSES, width=320)
    picture = frames_of(tmp_path / "out.mp4")[0][1]
    height = 640 if quarters % 2 else 160
    assert picture.shape == (height + LabelStrip(CLASSES, 320, False).height, 320, 3)
    corners = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
    light = [colour(picture, x, round(y * height)).mean() > 128 for x, y in corners]
    assert light == [corner == quarters for corner in range(4)]


def test_pixels_that_are_not_square_are_stretched(tmp_path):
    source = film(tmp_path / "in.mp4", plain(2, 32, 32), aspect=(2, 1))
    annotate(source, [moment(0.0, "wolf")], tmp_path / "out.mp4", CLASSES, width=320)
    assert frames_of(tmp_path / "out.mp4")[0][1].shape[0] == 160 + LabelStrip(CLASSES, 320, False).height


def test_of_a_damaged_video_what_can_be_decoded_is_written(tmp_path):
    whole = film(tmp_path / "whole.avi", noise(60), codec="mjpeg", pixels="yuvj420p")
    broken = cut(tmp_path / "in.avi", whole, 0.5)
    annotate(broken, [moment(0.0, "wolf")], tmp_path / "out.mkv", CLASSES, width=320)
    assert 20 < len(frames_of(tmp_path / "out.mkv")) < 40


def test_refusals_leave_nothing(tmp_path):
    source = film(tmp_path / "in.mp4", plain(3))
    data = source.read_bytes()
    verdicts = [moment(0.0, "wolf")]
    with pytest.raises(InputError, match="replace the video itself"):
        annotate(source, verdicts, source, CLASSES)
    with pytest.raises(InputError, match=r"ends in \.mp4"):
        annotate(source, verdicts, tmp_path / "out.avi", CLASSES)
    with pytest.raises(InputError, match="320 or more"):
        annotate(source, verdicts, tmp_path / "out.mp4", CLASSES, width=64)
    with pytest.raises(MediaError, match="no such file"):
        annotate(tmp_path / "no.mp4", verdicts, tmp_path / "out.mp4", CLASSES)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        annotate(source, verdicts, tmp_path / "nowhere" / "out.mp4", CLASSES)
    with pytest.raises(MediaError, match="no video"):
        annotate(sound(tmp_path / "sound.mp4"), verdicts, tmp_path / "out.mp4", CLASSES)
    assert source.read_bytes() == data
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "sound.mp4"]


def test_an_error_among_the_moments_leaves_nothing(tmp_path):
    source = film(tmp_path / "in.mp4", plain(9))

    def breaking():
        yield moment(0.0, "wolf")
        raise MediaError("breaks off")

    with pytest.raises(MediaError, match="breaks off"):
        annotate(source, breaking(), tmp_path / "out.mp4", CLASSES)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_improbable_ones_of_many_classes_are_drawn_as_one():
    classes = [f"class {number}" for number in range(40)]
    p = np.full(40, 0.4 / 39)
    p[7] = 0.6
    one = Moment("a.mp4", 0, 0.0, classes[7], classes[7], p, p)
    bar = np.asarray(LabelStrip(classes, 640, False).draw(one, None))[20, 370:630]
    colours, counts = np.unique(bar.reshape(-1, 3), axis=0, return_counts=True)
    wide = {
        tuple(colour) for colour, count in zip(colours.tolist(), counts.tolist(), strict=True) if count > 20
    }
    assert wide == {palette(classes)[classes[7]].rgb, OTHERS.rgb}


def test_frames_that_are_hours_apart_are_written(tmp_path):
    times = [0, 40, 24_000_000, 24_000_040]
    source = film(tmp_path / "a.mkv", plain(4), codec="mpeg4", times=times)
    annotate(source, [moment(0.0, "wolf")], tmp_path / "b.mp4", CLASSES)
    with av.open(str(tmp_path / "b.mp4")) as made:
        seen = [frame.time for frame in made.decode(video=0)]
    assert [seen[0], seen[1], seen[-2], seen[-1]] == pytest.approx([time / 1000 for time in times])
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 3000.01


def test_a_copy_that_cannot_be_written_does_not_end_the_folder(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise MediaError("a.mp4: its annotated copy cannot be written.")

    monkeypatch.setattr("wolfdog.watch.output.video_files.annotate", refuse)
    watcher = Watcher(WatcherConfig(("wolf", "dog"), 5.0, size=16, width=2, embedding=4, memory="none"))
    for name in ("a.mp4", "b.mp4"):
        film(tmp_path / name, plain(10))
    with Recorder(WatcherLabeller(watcher.eval(), "w"), tmp_path / "out", annotated=True) as recorder:
        found = [recorder.watch(tmp_path / name, name, lambda *_: None) for name in ("a.mp4", "b.mp4")]
    said = (True, "a.mp4: its annotated copy cannot be written.")
    assert [(one.moments > 0, one.trouble) for one in found] == [said] * 2
    assert (tmp_path / "out" / "b.mp4.png").exists()
