"""Sampling of frames in which something moves."""

import csv

import numpy as np
import pytest

from cli_run import assert_fine, wolfdog
from watch_films import film
from wolfdog.errors import InputError
from wolfdog.watch.video.moving import Moving
from wolfdog.watch.video.sampling import Rate
from wolfdog.watch.video.source import VideoSource


@pytest.fixture(scope="module")
def meadow(tmp_path_factory):
    """Nine seconds of a noisy meadow; from second 3 to second 6 an animal walks through it."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(90):
        picture = np.full((96, 96, 3), (90, 120, 80), np.uint8)
        if 30 <= number < 60:
            at = 3 * (number - 30)
            picture[40:60, at : at + 20] = 30
        pictures.append(np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8))
    return film(tmp_path_factory.mktemp("moving") / "a.mp4", pictures, rate=10)


def times(path, sampling):
    with VideoSource(path, 16, sampling=sampling) as source:
        return [(frame.time, frame.duration) for frame in source]


def test_still_frames_are_left_out_and_moving_ones_kept(meadow):
    every, some = times(meadow, Rate(5.0)), times(meadow, Moving(5.0, rest=1.5))
    assert {time for time, _ in some} < {time for time, _ in every}
    walking = [time for time, _ in every if 3.05 < time < 5.95]
    assert sum(time in dict(some) for time in walking) >= len(walking) - 1
    assert [round(time, 1) for time, _ in some if time < 2.9] == [0.0, 1.6]
    assert sum(duration for _, duration in some) == pytest.approx(9.0, abs=0.01)
    assert max(duration for _, duration in some) <= 1.7


def test_everything_moves_above_a_threshold_of_nothing(meadow):
    assert times(meadow, Moving(5.0, least=1e-9)) == times(meadow, Rate(5.0))


@pytest.mark.parametrize("options", [{"hz": 0}, {"hz": 5, "rest": 0}, {"hz": 5, "least": float("nan")}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(InputError):
        Moving(**options)


def test_the_command_leaves_still_frames_out(meadow, tmp_path):
    ran = wolfdog("watch", meadow, "--skip-still", "--no-cache", "--out", tmp_path)
    assert_fine(ran)
    with (tmp_path / "moments.csv").open(newline="") as file:
        seen = [float(row["time"]) for row in csv.DictReader(file)]
    assert seen == pytest.approx([time for time, _ in times(meadow, Moving(5.0))], abs=1e-3)
    assert len(seen) < 30
