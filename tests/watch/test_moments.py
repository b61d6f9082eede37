import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watch_moments import broadcasts, moment
from wolfdog.errors import InputError
from wolfdog.watch.moments import Event, events


@given(broadcasts(), st.sampled_from(["context", "snapshot"]))
def test_events_partition_the_time_line(moments, which):
    merged = list(events(moments, which))
    assert sum(e.moments for e in merged) == len(moments)
    if moments:
        assert merged[0].start == moments[0].time
        assert merged[-1].end == pytest.approx(moments[-1].time + moments[-1].duration)
    for a, b in itertools.pairwise(merged):
        assert a.end == b.start
        assert a.label != b.label
    for m in moments:
        (home,) = [e for e in merged if e.start <= m.time < e.end]
        assert home.label == m.label(which)


@given(broadcasts(), st.sampled_from(["context", "snapshot"]))
def test_probability_is_the_mean_of_the_label_s(moments, which):
    left = iter(moments)
    for event in events(moments, which):
        mine = list(itertools.islice(left, event.moments))
        assert event.probability == pytest.approx(np.mean([m.probability(which) for m in mine]))
        assert event.duration == pytest.approx(event.end - event.start)


@given(broadcasts(), st.floats(0, 10))
def test_min_duration_leaves_out_the_short_ones_and_no_others(moments, least):
    kept = set(events(moments, min_duration=least))
    for event in events(moments):
        if abs(event.duration - least) > 1e-6:
            assert (event in kept) == (event.duration > least)


def test_an_event_as_long_as_asked_for_stays():
    moments = [moment(0.4, "wolf"), moment(0.7, "dog", duration=0.2)]  # 0.7 - 0.4 < 0.3 in floating point
    assert [e.label for e in events(moments, min_duration=0.3)] == ["wolf"]


def test_events_end_with_the_video():
    moments = [
        moment(0.0, "wolf", duration=0.5),
        moment(0.5, "wolf", duration=0.25),
        moment(0.0, "wolf", video="b.mp4", duration=1.0),
    ]
    assert list(events(moments)) == [
        Event("a.mp4", 0.0, 0.75, "wolf", 0.6, 2),
        Event("b.mp4", 0.0, 1.0, "wolf", 0.6, 1),
    ]
    assert list(events([])) == []


def test_events_come_as_soon_as_they_are_over():
    stream = events(itertools.chain([moment(0.0, "wolf"), moment(1.0, "dog")], endless()))
    assert next(stream).label == "wolf"


def endless():
    for i in itertools.count(2):
        yield moment(float(i), "dog")


def test_memory_is_bounded():
    def peak(n):
        tracemalloc.start()
        for _ in events(itertools.islice(endless(), n)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)  # what is allocated once
    assert peak(5000) < peak(500) + 20_000


def test_refusals():
    backwards = [moment(1.0, "wolf"), moment(1.0, "dog")]
    with pytest.raises(InputError, match="order of time"):
        list(events(backwards))
    with pytest.raises(InputError, match="min_duration"):
        list(events([], min_duration=-1))
    with pytest.raises(InputError, match="min_duration"):
        list(events([], min_duration=float("nan")))
    with pytest.raises(InputError, match="'snapshot' or 'context'"):
        list(events([], which="both"))
