"""Linear heads: the optimum, its invariances, and the classifier that a head makes."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from colour_classifier import ColourClassifier
from wolfdog.errors import InputError
from wolfdog.watch.classifiers.linear_head import HeadClassifier, LinearHead, feature_scale, fit_linear_head

CLASSES = ("a", "b", "c")


def blobs(n=300, size=6, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    features = spread * rng.standard_normal((n, size)).astype(np.float32)
    features[np.arange(n), labels] += 2
    return features, labels


def objective(head, features, labels, penalty):
    """The penalised loss of a head, its weights back on standardised features."""
    scale = torch.from_numpy(feature_scale(features))
    mean = torch.from_numpy(features.mean(0, dtype=np.float64))
    weight = torch.tensor(head.weight, dtype=torch.float64) * scale
    bias = torch.tensor(head.bias, dtype=torch.float64) + weight @ (mean / scale)
    weight.requires_grad_()
    bias.requires_grad_()
    x = (torch.from_numpy(features).double() - mean) / scale
    loss = F.cross_entropy(x @ weight.T + bias, torch.from_numpy(labels))
    loss = loss + penalty / 2 * weight.square().sum()
    return torch.autograd.grad(loss, (weight, bias))


@pytest.mark.parametrize("penalty", [1e-2, 1.0])
def test_the_gradient_vanishes_at_the_solution(penalty):
    features, labels = blobs()
    features = features * 5 + 3
    head = fit_linear_head(features, labels, CLASSES, penalty=penalty)
    assert all(float(part.abs().max()) < 1e-3 for part in objective(head, features, labels, penalty))
    head.weight[0, 0] += 0.05
    assert not all(float(part.abs().max()) < 1e-3 for part in objective(head, features, labels, penalty))


def test_new_frames_are_recognised():
    head = fit_linear_head(*blobs(), CLASSES)
    features, labels = blobs(seed=1)
    assert (head.probabilities(features).argmax(1) == labels).mean() > 0.8


def test_units_do_not_matter_and_unlabelled_frames_are_left_out():
    features, labels = blobs()
    known = np.where(np.arange(len(labels)) % 3 == 0, -1, labels)
    one = fit_linear_head(features, known, CLASSES)
    other = fit_linear_head(1000 * features[known >= 0] + 7, known[known >= 0], CLASSES)
    np.testing.assert_allclose(
        one.probabilities(features), other.probabilities(1000 * features + 7), atol=2e-3
    )


def test_a_feature_that_hardly_changes_decides_nothing():
    features, labels = blobs()
    features[:, 5] = 1e-4 * features[:, 5] + 3
    head = fit_linear_head(features, labels, CLASSES)
    moved = features.copy()
    moved[:, 5] += 0.3
    assert (head.probabilities(moved).argmax(1) == head.probabilities(features).argmax(1)).mean() > 0.95


def test_a_head_makes_a_classifier():
    base = ColourClassifier()
    head = LinearHead(("warm", "cold"), np.float32([[9, 0, 0], [0, 0, 9]]), np.zeros(2, np.float32))
    classifier = HeadClassifier(base, head, name="mine")
    frames = np.zeros((2, 40, 40, 3), np.uint8)
    frames[0, ..., 0], frames[1, ..., 2] = 200, 200
    features, probabilities = classifier.classify(frames)
    np.testing.assert_allclose(probabilities, head.probabilities(features))
    assert probabilities.argmax(1).tolist() == [0, 1]
    other = HeadClassifier(base, LinearHead(head.classes, 2 * head.weight, head.bias), name="mine")
    assert classifier.identity != other.identity != base.identity


def test_what_makes_no_head_is_refused():
    features, labels = blobs(9)
    with pytest.raises(InputError, match="needs labelled frames"):
        fit_linear_head(features, np.full(9, -1), CLASSES)
    with pytest.raises(InputError, match="penalty"):
        fit_linear_head(features, labels, CLASSES, penalty=-1)
    with pytest.raises(InputError, match=r"\[3, 3\], got \[3, 6\]"):
        HeadClassifier(ColourClassifier(), fit_linear_head(features, labels, CLASSES), name="mine")


def test_balanced_classes_weigh_the_same_however_many_frames_they_have():
    """One feature that says nothing: the head gives the classes' shares, or the same to each."""
    features, labels = np.zeros((10, 1), np.float32), np.array([0] * 9 + [1])
    for balanced, expected in ((False, 0.9), (True, 0.5)):
        head = fit_linear_head(features, labels, ("a", "b"), balanced=balanced)
        np.testing.assert_allclose(head.probabilities(features)[0, 0], expected, atol=1e-3)
