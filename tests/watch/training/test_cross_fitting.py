"""Cross-fitting: every frame is judged by a head that never saw its video."""

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.classifiers.linear_head import fit_linear_head
from wolfdog.watch.training.cross_fitting import cross_fit

CLASSES = ("a", "b", "c")


def footage(videos=6, frames=20, seed=0):
    """Features in which every video has a mark of its own, and its class another."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(videos) % 3, frames)
    groups = [f"{video}.mp4" for video in range(videos) for _ in range(frames)]
    features = 0.5 * rng.standard_normal((videos * frames, 3 + videos)).astype(np.float32)
    features[np.arange(len(labels)), labels] += 1
    features[np.arange(len(labels)), 3 + np.repeat(np.arange(videos), frames)] += 3
    return features, labels, groups


def test_probabilities_are_those_of_heads_that_did_not_see_the_video():
    features, labels, groups = footage()
    fit = cross_fit(features, labels, groups, CLASSES, folds=6)
    names = np.array(groups)
    for name in dict.fromkeys(groups):
        rows = names == name
        head = fit_linear_head(features[~rows], labels[~rows], CLASSES, penalty=fit.penalty)
        np.testing.assert_allclose(fit.probabilities[rows], head.probabilities(features[rows]), atol=1e-4)
    assert not fit.unseen.any()
    everything = fit_linear_head(features, labels, CLASSES, penalty=fit.penalty)
    np.testing.assert_allclose(fit.head.weight, everything.weight, atol=1e-4)
    own = (everything.probabilities(features).argmax(1) == labels).mean()
    assert (
        fit.probabilities.argmax(1) == labels
    ).mean() < own  # the marks of videos help on these videos alone


def test_a_class_in_one_video_alone_is_marked_as_unseen():
    features, labels, groups = footage(videos=4)  # classes 0, 1, 2, 0
    fit = cross_fit(features, labels, groups, CLASSES)
    assert sorted({groups[row] for row in np.flatnonzero(fit.unseen)}) == ["1.mp4", "2.mp4"]


def test_one_video_is_divided_by_time():
    features, labels, _ = footage(videos=3)
    order = np.arange(60).reshape(3, 20).T.ravel()  # the three classes in turn
    fit = cross_fit(features[order], labels[order], ["a.mp4"] * 60, CLASSES)
    assert not fit.unseen.any()
    assert (fit.probabilities.argmax(1) == labels[order]).mean() > 0.8


def test_videos_without_labels_are_judged_by_all():
    features, labels, groups = footage()
    labels = np.where(np.arange(len(labels)) >= 100, -1, labels)
    fit = cross_fit(features, labels, groups, CLASSES)
    np.testing.assert_allclose(fit.probabilities[100:], fit.head.probabilities(features[100:]), atol=1e-4)


def test_no_labels_are_refused():
    features, labels, groups = footage()
    with pytest.raises(InputError, match="no label meets a frame"):
        cross_fit(features, np.full_like(labels, -1), groups, CLASSES)
