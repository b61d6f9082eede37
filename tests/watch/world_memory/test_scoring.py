"""Scores against counts by hand."""

import numpy as np
import pytest

from wolfdog.errors import ShapeError
from wolfdog.watch.world_memory.scoring import calibration_error, flips_a_minute, score


def test_classes_count_the_same_however_often_they_come() -> None:
    p = np.eye(3)[[0, 0, 0, 1, 2, 2]] * 0.8 + 0.2 / 3
    labels = np.array([0, 0, 0, 1, 1, -1])
    result = score(p, labels, np.ones(6, bool), canines=(1, 2))
    assert result is not None
    assert result.balanced == pytest.approx((1 + 0.5) / 2)
    assert result.canines == pytest.approx(0.5)
    assert result.accuracy == pytest.approx(4 / 5)
    assert result.frames == 5
    assert result.calibration == pytest.approx(abs(4 / 5 - (0.8 + 0.2 / 3)))
    assert score(p, labels, labels < 0) is None
    with pytest.raises(ShapeError, match="score"):
        score(p, labels[:4], np.ones(4, bool))


def test_calibrated_answers_have_no_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 60_000)
    labels = (p.cumsum(-1) < rng.random((60_000, 1))).sum(-1)
    assert calibration_error(p, labels) < 0.01
    assert calibration_error(p**4 / (p**4).sum(-1, keepdims=True), labels) > 0.1


def test_flips_are_counted_within_streams() -> None:
    labels = np.array([[0, 1], [0, 2], [1, 2]])
    assert flips_a_minute(labels, np.full((3, 2), 15.0)) == pytest.approx(2.0)
    assert flips_a_minute(labels[:1], np.zeros((1, 2))) == 0
