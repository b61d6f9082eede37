"""Deployments of several files: one memory through all of them, told the seconds between."""

import math

import numpy as np
import pytest
import torch

from colour_classifier import ColourClassifier
from watch_cards import BLUE, RED, picture
from watch_films import film
from wolfdog.watch.labelling.classifier_labeller import ClassifierLabeller
from wolfdog.watch.labelling.watcher_labeller import WatcherLabeller
from wolfdog.watch.model.config import WatcherConfig
from wolfdog.watch.model.watcher import Watcher
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass, Majority
from wolfdog.watch.video.media import Medium


def colours(*runs):
    """Pictures of one colour each, in runs of (number, colour)."""
    return [np.full((48, 64, 3), colour, np.uint8) for count, colour in runs for _ in range(count)]


@pytest.fixture
def card(tmp_path):
    """Two videos and two images of one camera, one of them missing, in the order of time."""
    film(tmp_path / "a.mp4", colours((20, RED)), rate=10)
    picture(tmp_path / "b.jpg", BLUE)
    film(tmp_path / "d.mp4", colours((10, BLUE), (10, RED)), rate=10)
    return [
        Medium(tmp_path / name, name, "site", utc=1000.0 + second, local=4600.0 + second)
        for name, second in (("a.mp4", 0.0), ("b.jpg", 60.0), ("c.jpg", 61.0), ("d.mp4", 3600.0))
    ]


def labelled(labeller, media):
    troubles, seen = {}, []
    found = list(
        labeller.label_deployment(
            media,
            progress=lambda medium, second, of: seen.append(medium.name),
            trouble=lambda medium, reason: troubles.update({medium.name: reason}),
        )
    )
    assert dict.fromkeys(seen) == dict.fromkeys(medium.name for medium, _ in found)
    return found, troubles


def check(found, troubles):
    """What holds for any labeller: the media in order, their moments by their own time, their rows by that of all."""
    assert list(dict.fromkeys(medium.name for medium, _ in found)) == ["a.mp4", "b.jpg", "d.mp4"]
    assert list(troubles) == ["c.jpg"]
    assert "no such file" in troubles["c.jpg"]
    for medium, labels in found:
        assert labels.table.deployments() == ("site",)
        assert set(labels.table.media) == {medium.name}
        np.testing.assert_allclose(labels.table.time, [1000 - 1000 + one.utc for one in labels.moments])
        for moment in labels.moments:
            assert (moment.video, moment.deployment) == (medium.name, "site")
            assert 0 <= moment.time < 2
            assert moment.utc == pytest.approx(medium.utc + moment.time)
            assert moment.local - moment.utc == pytest.approx(3600)
    assert [labels.moments[0].frame for _, labels in found] == [0, 0, 0]


def test_the_memory_of_a_classifier_runs_through_a_deployment(card):
    method = AnyClass()
    found, troubles = labelled(ClassifierLabeller(ColourClassifier(), method), card)
    check(found, troubles)
    whole = Predictions.concat([labels.table for _, labels in found])
    again = method.smooth(whole)
    np.testing.assert_array_equal(whole.context, again.context)
    alone, _ = labelled(ClassifierLabeller(ColourClassifier(), method), card[-1:])
    assert not np.allclose(alone[0][1].table.context[0], found[-1][1].table.context[0])
    assert math.isclose(found[1][1].table.time[0] - found[0][1].table.time[-1], 60 - 1.9, abs_tol=1e-6)


def test_a_vote_over_the_last_frames_reaches_into_the_file_before(card):
    found, _ = labelled(ClassifierLabeller(ColourClassifier(), Majority(frames=5)), card)
    [image] = found[1][1].moments
    assert (image.snapshot, image.context) == ("blue", "red")


def test_the_memory_of_a_watcher_runs_through_a_deployment(card):
    torch.manual_seed(0)
    watcher = Watcher(WatcherConfig(classes=("red", "blue"), memory="gru", hidden=8, fps=10.0, size=32))
    labeller = WatcherLabeller(watcher.eval(), "small")
    found, troubles = labelled(labeller, card)
    check(found, troubles)
    assert sum(len(labels.moments) for _, labels in found) == 41
    alone, _ = labelled(labeller, card[-1:])
    first, after = alone[0][1].moments[0], found[-1][1].moments[0]
    np.testing.assert_allclose(first.snapshot_probabilities, after.snapshot_probabilities, atol=1e-5)
    assert not np.allclose(first.context_probabilities, after.context_probabilities)


def test_images_without_times(tmp_path):
    media = [Medium(picture(tmp_path / f"{n}.jpg"), f"{n}.jpg", "site") for n in range(3)]
    found, _ = labelled(ClassifierLabeller(ColourClassifier(), AnyClass()), media)
    for _, labels in found:
        [moment] = labels.moments
        assert (moment.time, moment.duration) == (0.0, 0.0)
        assert math.isnan(moment.instant)
        assert np.isnan(labels.table.time).all()
