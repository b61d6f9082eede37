"""Simulated television without end: the world's own programme, and the remote control."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from wolfdog.errors import InputError
from wolfdog.tv import Painter, default_world
from wolfdog.watch.live.television import Television


def television(fps=240.0, **options):
    return Television(default_world().with_(fps=fps), Painter(16), **options)


def test_it_shows_the_world():
    labels = Counter(picture.truth[0] for picture in islice(television(seed=3).pictures(print), 200))
    assert labels["unknown"] > 20
    assert set(labels) <= {"wolf", "dog", "bear", "goldfish", "unknown"}


def test_a_seed_gives_a_programme():
    runs = [
        {one.picture.index: one.truth for one in islice(television(seed=5).pictures(print), 60)}
        for _ in range(2)
    ]
    both = runs[0].keys() & runs[1].keys()  # frames that a slow machine dropped are in neither or one
    assert len(both) > 5
    assert all(runs[0][index] == runs[1][index] for index in both)


def test_times_go_on():
    times = [one.picture.time for one in islice(television().pictures(print), 50)]
    assert all(later > earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(("label", "channel"), [("bear", "Nature Channel"), ("goldfish", "The Dog Office")])
def test_show_shows_at_once(label, channel):
    one = television(seed=2)
    pictures = one.pictures(print)
    for _ in range(20):
        next(pictures)
    one.show(label)
    assert next(pictures).truth == (label, channel)
    assert one.on_air.channel == channel


def test_zap_changes_the_channel_and_tells_nothing():
    one = television(seed=2)
    pictures = one.pictures(print)
    for _ in range(6):
        before = next(pictures).truth[1]
        one.zap()
        label, after = next(pictures).truth
        assert after != before
        assert label not in one.shows


def test_rounds_put_unknown_things_between():
    one = television(seed=1)
    pictures = one.pictures(print)
    one.set_between(3)
    one.show("bear")
    truths = []
    for picture in islice(pictures, 200):
        truths.append(picture.truth[0])
    assert truths[0] == "bear"
    first = truths.index("wolf")
    assert set(truths[:first]) == {"bear", "unknown"}
    assert truths[first:].index("bear") > 0  # the next round
    assert "dog" not in truths
    assert one.between == 3
    one.set_between(None)
    assert one.between is None


def test_stopping_ends_the_pictures():
    one = television(fps=1.0)
    pictures = one.pictures(print)
    next(pictures)
    one.stop()
    assert list(pictures) == []


def test_late_labels_drop_frames():
    one = television(fps=240.0)
    pictures = one.pictures(print)
    next(pictures)
    one._stop.wait(0.05)
    next(pictures)
    assert one.dropped >= 10


@pytest.mark.parametrize(
    "wish", [lambda one: one.show("wolf"), lambda one: one.set_between(-1), lambda one: one.set_between(201)]
)
def test_mistakes(wish):
    with pytest.raises(InputError, match="expected"):
        wish(television())
