import os
import pickle
import time

import av
import numpy as np
import pytest

from wolfdog.errors import InputError, MediaError, WolfdogError
from wolfdog.labels import labels_at, read_labels
from wolfdog.tv import Painter, Sampler, broadcast, default_world, load_world
from wolfdog.tv.broadcasting import draw_programme
from wolfdog.tv.video import write_video


def _decoded(path):
    with av.open(str(path)) as container:
        frames = [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]
    return np.array([time for time, _ in frames]), np.stack([pixels for _, pixels in frames])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    seen = []
    world = default_world()
    out = tmp_path_factory.mktemp("tv") / "test broadcast"
    result = broadcast(
        world,
        out,
        minutes=0.5,
        seed=3,
        picture=Painter(seed=3),
        streams=2,
        progress=lambda *now: seen.append(now),
    )
    return result, seen


def test_files_are_what_the_broadcast_says(done):
    result, seen = done
    assert sorted(path.name for path in result.labels.parent.iterdir()) == [
        "labels.csv", "tv-0000.mp4", "tv-0001.mp4", "world.toml",
    ]  # fmt: skip
    assert load_world(result.world) == default_world()
    assert result.frames == 2 * 150
    assert result.speed == pytest.approx(300 / result.seconds)
    assert seen[-1] == (300, 300)
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)


def test_timestamps_are_real_and_labels_fit_them(done):
    result, _ = done
    labels = read_labels(result.labels)
    assert list(labels) == [video.name for video in result.videos]
    for stream, video in enumerate(result.videos):
        times, _ = _decoded(video)
        assert np.allclose(times, np.arange(150) / 5)
        expected = [default_world().labels[label] for label in result.programme.label[:, stream]]
        assert labels_at(labels[video.name], times) == expected


def test_rows_are_shots_with_look_and_channel(done):
    result, _ = done
    spans = read_labels(result.labels)["tv-0001.mp4"]
    shots = result.programme.shots(1)
    assert [(span.label, span.channel) for span in spans] == [(shot.label, shot.channel) for shot in shots]
    assert all(span.look == default_world().look(span.label) for span in spans)


def test_what_is_decoded_is_what_was_painted(done):
    result, _ = done
    _, pixels = _decoded(result.videos[1])
    painted = np.stack(list(Painter(seed=3).frames(result.programme, 1)))
    assert np.abs(pixels.astype(int) - painted).mean() < 8
    wrong = np.stack(list(Painter(seed=3).frames(result.programme, 0)))
    assert np.abs(pixels.astype(int) - wrong).mean() > 30


def test_the_programme_is_the_samplers(done):
    result, _ = done
    assert np.array_equal(result.programme.label, Sampler(default_world(), 2, seed=3).draw(150).label)


@pytest.mark.slow
def test_processes_make_the_same_files(done, tmp_path):
    result, _ = done
    seen = []
    again = broadcast(
        default_world(), tmp_path, minutes=0.5, seed=3, picture=Painter(seed=3), streams=2, workers=2,
        progress=lambda *now: seen.append(now),
    )  # fmt: skip
    assert seen[-1] == (300, 300)
    for one, two in zip(result.videos, again.videos, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert result.labels.read_bytes() == again.labels.read_bytes()


@pytest.mark.parametrize("fps", [0.5, 12.5, 24000 / 1001])
def test_other_frame_rates_keep_time(tmp_path, fps):
    world = default_world().with_(fps=fps)
    result = broadcast(world, tmp_path, minutes=40 / fps / 60, picture=Painter(16))
    times, _ = _decoded(result.videos[0])
    assert np.allclose(times, np.arange(40) / fps, atol=1e-4)
    expected = [world.labels[label] for label in result.programme.label[:, 0]]
    assert labels_at(read_labels(result.labels)["tv-0000.mp4"], times) == expected


def test_a_broadcast_replaces_its_own_files_only(tmp_path):
    world, picture = default_world(), Painter(16)
    broadcast(world, tmp_path, minutes=0.1, picture=picture, streams=2)
    before = (tmp_path / "tv-0000.mp4").read_bytes()
    with pytest.raises(InputError, match=r"another broadcast \(tv-0001\.mp4\)"):
        broadcast(world, tmp_path, minutes=0.1, seed=5, picture=picture)
    assert (tmp_path / "tv-0000.mp4").read_bytes() == before
    broadcast(world, tmp_path, minutes=0.1, seed=5, picture=picture, streams=2)
    assert (tmp_path / "tv-0000.mp4").read_bytes() != before


def test_labels_of_other_videos_are_not_written_over(tmp_path):
    (tmp_path / "labels.csv").write_text("video,start,end,label\nholiday.mp4,0,1,wolf\n")
    with pytest.raises(InputError, match=r"holiday\.mp4"):
        broadcast(default_world(), tmp_path, minutes=0.1, picture=Painter(16))
    assert "holiday" in (tmp_path / "labels.csv").read_text()
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"labels\.csv"):
        broadcast(default_world(), tmp_path, minutes=0.1, picture=Painter(16))


class Broken(Painter):
    """Paints a few frames and then fails."""

    def scene(self, world, label, rng):
        if rng.random() < 0.2:
            raise MediaError("the paint has run out")
        return super().scene(world, label, rng)


class OneBroken(Painter):
    """Paints every stream but the first, and takes its time."""

    def frames(self, programme, stream=0):
        if programme.first_stream + stream == 0:
            raise MediaError("the paint has run out")
        return slowly(super().frames(programme, stream))


def slowly(frames):
    for frame in frames:
        time.sleep(0.2)
        yield frame


class Deadly(Painter):
    """Ends its process."""

    def scene(self, world, label, rng):
        os._exit(1)


def test_a_failure_leaves_no_half_written_file(tmp_path):
    with pytest.raises(MediaError, match="the paint has run out"):
        broadcast(default_world(), tmp_path, minutes=2, picture=Broken(16), streams=2)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_is_said(tmp_path):
    with pytest.raises(MediaError, match=r"a process that made a video died.*workers=1"):
        broadcast(default_world(), tmp_path, minutes=1, picture=Deadly(16), streams=2, workers=2)
    assert list(tmp_path.glob("tv-*")) == []


@pytest.mark.slow
def test_a_failure_stops_the_other_videos_soon(tmp_path):
    """The second video would take minutes to make; the first fails at once."""
    start = time.perf_counter()
    with pytest.raises(MediaError, match="the paint has run out"):
        broadcast(default_world(), tmp_path, minutes=20, picture=OneBroken(16), streams=2, workers=2)
    assert time.perf_counter() - start < 200
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WolfdogError, match="file"):
        broadcast(default_world(), tmp_path / "file" / "tv", minutes=0.1, picture=Painter(16))
    with pytest.raises(MediaError, match="cannot write"):
        write_video(tmp_path / "none" / "a.mp4", Painter(16).frames(Sampler(default_world()).draw(2)), 5, 16)
    with pytest.raises(MediaError, match="one frame or more"):
        write_video(tmp_path / "a.mp4", iter(()), 5, 16)


@pytest.mark.parametrize(
    "arguments",
    [{"minutes": 0}, {"minutes": -1}, {"minutes": float("nan")}, {"minutes": 1e9}, {"minutes": 1e-5},
     {"streams": 0}, {"streams": 10**6}, {"workers": 0}, {"seed": -1}],
)  # fmt: skip
def test_arguments_that_cannot_be_used_are_refused(tmp_path, arguments):
    with pytest.raises(InputError):
        broadcast(default_world(), tmp_path, **{"minutes": 1, "picture": Painter(16), **arguments})
    assert list(tmp_path.iterdir()) == []


def test_pictures_can_be_sent_to_other_processes():
    programme = draw_programme(default_world(), minutes=0.05, streams=2, seed=0)
    sent, picture = pickle.loads(pickle.dumps((programme.alone(1), Painter(16, seed=2))))
    assert np.array_equal(list(picture.frames(sent)), list(Painter(16, seed=2).frames(programme, 1)))
