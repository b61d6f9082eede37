"""Scores of predictions against scikit-learn's, and against cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from wolfdog.errors import InputError
from wolfdog.watch.evaluation.bootstrap import source_weights
from wolfdog.watch.evaluation.class_scores import class_scores
from wolfdog.watch.evaluation.confidence_scores import brier_score, log_loss, reliability, risk_curve
from wolfdog.watch.evaluation.evaluation import evaluate_predictions
from wolfdog.watch.evaluation.evaluation_json import evaluation_as_dict
from wolfdog.watch.evaluation.label_classes import positions_of
from wolfdog.watch.evaluation.ranking_scores import (
    average_precision,
    calibrated_average_precision,
    mean_average_precisions,
)
from wolfdog.watch.evaluation.segment_scores import Segment, edit_score, found_events, segments_of
from wolfdog.watch.predictions import Predictions

NAMES = ("blank", "wolf", "dog", "bear")


def draw(seed, rows=300, classes=4):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), rows)
    p = np.round(p, 2)  # so that scores tie
    p /= p.sum(1, keepdims=True)
    truth = np.where(rng.random(rows) < 0.5, p.argmax(1), rng.integers(classes, size=rows))
    return p, truth, rng.integers(7, size=rows)


@pytest.mark.parametrize("seed", range(3))
def test_class_scores_are_those_of_scikit_learn(seed):
    p, truth, source = draw(seed)
    labels = p.argmax(1)
    labels[labels == 3] = 0  # a class that is never given
    found = class_scores(truth, labels, source, NAMES)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, labels, labels=range(4), zero_division=0
    )
    for k, name in enumerate(NAMES):
        score = found.classes[name]
        assert score.support == support[k]
        assert (score.precision.value, score.recall.value, score.f1.value) == pytest.approx(
            (precision[k], recall[k], f1[k])
        )
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, labels))
    assert found.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy_score(truth, labels))
    assert found.macro_f1.value == pytest.approx(metrics.f1_score(truth, labels, average="macro"))


def test_a_class_that_does_not_occur_has_no_scores():
    zeros = np.zeros(4, np.int64)
    found = class_scores(zeros, zeros, np.arange(4), ("wolf", "dog"))
    assert found.classes["dog"].f1.value is found.classes["dog"].precision.value is None
    assert found.balanced_accuracy.value == found.macro_f1.value == 1


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_are_scored_as_by_scikit_learn(seed):
    p, truth, _ = draw(seed)
    for k in range(4):
        ap = average_precision(p[:, k], truth == k)
        assert ap == pytest.approx(metrics.average_precision_score(truth == k, p[:, k]))
    mean, _ = mean_average_precisions(p, truth)
    assert mean == pytest.approx(metrics.average_precision_score(np.eye(4)[truth], p, average="macro"))
    assert log_loss(p.clip(1e-9), truth) == pytest.approx(
        metrics.log_loss(truth, p.clip(1e-9), labels=range(4)), rel=1e-6
    )
    one_hot = np.eye(4)[truth]
    assert brier_score(p, truth) == pytest.approx(((p - one_hot) ** 2).sum(1).mean())


def test_calibrated_average_precision_by_hand():
    # One positive to three negatives: w = 3. Positives at ranks 1 and 3 of 8.
    scores = np.arange(8, 0, -1.0)
    positive = np.isin(np.arange(8), [0, 2])
    w, by_hand = 3.0, (1.0 + 2 * 3 / (2 * 3 + 1)) / 2
    assert calibrated_average_precision(scores, positive) == pytest.approx(by_hand)
    assert average_precision(scores, positive, weight=w) == pytest.approx(by_hand)
    # Where all rows are of the class, there is nothing to be taken for it.
    assert calibrated_average_precision(scores, np.ones(8, bool)) == 1
    assert np.isnan(average_precision(scores, np.zeros(8, bool)))


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_calibration_makes_chance_independent_of_frequency(share):
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < share
    assert calibrated_average_precision(rng.random(20_000), positive) == pytest.approx(0.5, abs=0.02)


def levenshtein(a, b):
    """The definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        levenshtein(a[1:], b) + 1, levenshtein(a, b[1:]) + 1, levenshtein(a[1:], b[1:]) + (a[0] != b[0])
    )


words = st.lists(st.integers(0, 2), max_size=5)


@given(words, words)
def test_edit_score_is_the_normalised_distance(one, other):
    pair = [[Segment(label, at, at + 1) for at, label in enumerate(word)] for word in (one, other)]
    longest = max(len(one), len(other))
    assert edit_score(*pair) == pytest.approx(1 - levenshtein(one, other) / longest if longest else 1)


def test_events_by_hand():
    true = segments_of(np.array([1] * 10 + [0] * 10 + [2] * 10), background=0)
    assert true == [Segment(1, 0, 10), Segment(2, 20, 30)]
    # The first in two pieces, of which the larger overlaps by 6/10; the second by 4/14; one where nothing is.
    found = [Segment(1, 0, 3), Segment(1, 4, 10), Segment(2, 16, 24), Segment(2, 12, 14)]
    assert found_events(found, true, 0.10) == (2, 2, 0)
    assert found_events(found, true, 0.25) == (2, 2, 0)
    assert found_events(found, true, 0.50) == (1, 3, 1)
    assert found_events([], true, 0.1) == (0, 0, 2)


def test_reliability_and_risk_by_hand():
    confidence = np.array([0.95, 0.95, 0.65, 0.65, 0.3])
    right = np.array([True, False, True, True, False])
    found = reliability(confidence, right, bins=10)
    assert found.count.tolist() == [0, 0, 1, 0, 0, 0, 2, 0, 0, 2]
    assert found.error == pytest.approx(0.4 * 0.45 + 0.4 * 0.35 + 0.2 * 0.3)
    curve = risk_curve(confidence, right)
    assert curve.coverage.tolist() == [0.4, 0.8, 1.0]
    assert curve.risk.tolist() == [0.5, 0.25, 0.4]
    assert curve.area == pytest.approx(0.4 * 0.5 + 0.4 * 0.25 + 0.2 * 0.4)
    assert curve.risk_at(0.5) == 0.25
    assert curve.threshold_for(0.3) == 0.65
    assert curve.threshold_for(0.1) == np.inf


def test_intervals_resample_sources():
    # Two sources, one always right and one never: resampling rows would give a narrow interval.
    truth = np.zeros(200, np.int64)
    labels = np.repeat([0, 1], 100)
    source = np.repeat([0, 1], 100)
    wide = class_scores(truth, labels, source, ("wolf", "dog")).accuracy
    assert (wide.value, wide.low, wide.high) == (0.5, 0.0, 1.0)
    narrow = class_scores(truth, labels, np.arange(200), ("wolf", "dog")).accuracy
    assert 0.4 < narrow.low < 0.5 < narrow.high < 0.6
    alone = class_scores(truth, labels, np.zeros(200, np.int64), ("wolf", "dog")).accuracy
    assert alone.low is None
    assert source_weights(5).mean(0) == pytest.approx(np.ones(5), abs=0.1)
    assert (source_weights(5).sum(1) == 5).all()


def table_of(labels, truth, deployment):
    p = np.full((len(labels), 3), 0.1)
    p[np.arange(len(labels)), labels] = 0.8
    table = Predictions.from_columns(
        ["blank", "wolf", "dog"],
        p,
        time=np.arange(len(labels)),
        deployment=np.array(deployment, object),
        media=np.array([f"{n}.jpg" for n in range(len(labels))], object),
        blank="blank",
    )
    return table, np.array(truth, object)


def test_the_whole_of_a_table():
    table, truth = table_of(
        [1, 1, 2, 0, 1, 0, 2, 2],
        ["wolf", "wolf", "wolf", "blank", None, "blank", "dog", "cat"],
        ["a"] * 4 + ["b"] * 4,
    )
    found = evaluate_predictions(table, truth, name="all")
    assert (found.rows, found.sources, found.foreign) == (7, 2, ("cat",))
    assert found.labels.accuracy.value == pytest.approx(5 / 7)
    assert found.classes == ("blank", "wolf", "dog", "cat")
    assert found.confusion.tolist() == [[2, 0, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
    # a: wolf, dog against wolf; b: dog against dog, cat.
    assert found.edit.value == pytest.approx(0.5)
    # At 10 %: wolf and dog are found; dog in a is none; cat is missed.
    assert found.events[0.1].value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    whole = evaluation_as_dict(found)
    assert whole["by_class"]["cat"]["recall"]["value"] == 0
    assert whole["error_by_coverage"]["1"] == pytest.approx(2 / 7)


def test_what_cannot_be_evaluated_is_told():
    table, truth = table_of([0, 1], ["blank", "wolf"], ["a", "a"])
    for labels, words in (
        (truth[:1], "one for each of 2 rows"),
        (np.array([None, None], object), "name none of the files"),
        (np.array(["cat", "cat"], object), "none of them is a class"),
    ):
        with pytest.raises(InputError, match=words):
            evaluate_predictions(table, labels)
    with pytest.raises(InputError, match="no context"):
        evaluate_predictions(table, truth, context=True)


def test_a_parent_does_not_contradict_its_child():
    canis, wolf, deer = (
        f"u;mammalia;{name};x"
        for name in ("carnivora;canidae;canis;", "carnivora;canidae;canis;lupus", "a;b;c;d")
    )
    table = Predictions.from_columns([canis, wolf, deer], np.eye(3)[[0, 1, 2, 1]])
    found = evaluate_predictions(table, np.array([wolf, canis, wolf, wolf], object))
    assert (found.labels.accuracy.value, found.consistent) == (0.25, 0.75)
    plain, truth = table_of([0, 1], ["blank", "wolf"], ["a", "a"])
    assert evaluate_predictions(plain, truth).consistent is None


def test_labels_find_their_classes():
    fox = "u;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
    classes, found, foreign = positions_of(["Red Fox", "vulpes vulpes", fox, "lynx"], [fox, "dog"])
    assert (classes[2:], found.tolist(), foreign) == (("lynx",), [0, 0, 0, 2], ("lynx",))
