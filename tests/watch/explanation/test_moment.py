"""The moment that is meant is found by its time, its file and its deployment."""

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.explanation.moment import find_moment
from wolfdog.watch.predictions import Predictions

START = 1_590_796_800.0  # 2020-05-30 00:00 UTC


def table_of(time, **columns):
    return Predictions.from_columns(["wolf", "dog"], [[1, 0]] * len(time), time=time, **columns)


@pytest.mark.parametrize(("at", "frame"), [("12:34", 2), ("0:12:35", 2), ("62", 1), ("1:00:00", 3)])
def test_times_from_the_start(at, frame):
    assert find_moment(table_of([0, 60, 754, 3500]), at=at)[1] == frame


@pytest.mark.parametrize(
    ("at", "frame"), [("12:34", 1), ("12:34:40", 1), ("2020-05-31T08:01:00Z", 2), ("2020:05:30 00:00:10", 0)]
)
def test_times_of_day(at, frame):
    table = table_of(START + np.array([0, 45240, 86400 + 8 * 3600]), utc=True)
    assert find_moment(table, at=at)[1] == frame


def test_several_days_at_one_time_of_day_are_told():
    table = table_of(START + np.array([3600, 86400 + 3610]), utc=True)
    with pytest.raises(InputError, match="2 days have pictures at this time"):
        find_moment(table, at="01:00")


def test_files_and_deployments():
    table = table_of(
        [0, 1, 0, 1],
        media=np.array(["x/a.jpg", "x/b.jpg", "y/a.jpg", "y/c.mp4"], object),
        deployment=np.array(["x", "x", "y", "y"], object),
    )
    part, frame = find_moment(table, media="c.mp4")
    assert (part.media[frame], frame) == ("y/c.mp4", 1)
    assert find_moment(table, at="1", deployment="x")[1] == 1
    for query, words in (
        ({"media": "a.jpg"}, "or more than one"),
        ({"at": "1"}, "which of 2 deployments"),
        ({"deployment": "z"}, "not in the results"),
        ({"deployment": "x"}, "which of 2 frames"),
        ({"deployment": "x", "at": "noon"}, "expected seconds"),
    ):
        with pytest.raises(InputError, match=words):
            find_moment(table, **query)
    with pytest.raises(InputError, match="hold no times"):
        find_moment(table_of([np.nan, np.nan]), at="1")
