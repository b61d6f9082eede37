"""Calibration on held-back labels: what it finds, its thresholds, its file."""

import json

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.review.calibration import fit_calibration
from wolfdog.watch.review.calibration_file import load_calibration, save_calibration

CLASSES = ("wolf", "dog", "bear")


def table_of(q, method="hmm(ahead=False)"):
    places = np.array([f"{n % 12}" for n in range(len(q))], object)
    return Predictions.from_columns(CLASSES, q, context=q, deployment=places, method=method)


def draw(rows, seed, distort):
    """Probabilities that are distorted, and labels drawn from the true ones."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(3, 0.3), rows).clip(1e-4)
    p /= p.sum(1, keepdims=True)
    labels = (rng.random((rows, 1)) > p.cumsum(1)).sum(1).clip(max=2)
    q = distort(p)
    return q / q.sum(1, keepdims=True), labels, p


def test_a_temperature_is_found():
    q, labels, p = draw(3000, 0, lambda p: p**2.5)
    found = fit_calibration(table_of(q), labels)
    assert found.temperature == pytest.approx(2.5, rel=0.1) or found.form == "matrix"
    assert found.log_loss["temperature"] < found.log_loss["none"]
    assert np.abs(found.probabilities(q) - p).mean() < 0.02


def test_a_matrix_is_found_where_classes_are_off_by_different_amounts():
    q, labels, p = draw(4000, 1, lambda p: p * np.array([5, 1, 0.2]))
    found = fit_calibration(table_of(q), labels)
    assert found.form == "matrix"
    assert found.log_loss["matrix"] < found.log_loss["temperature"]
    assert np.abs(found.probabilities(q) - p).mean() < 0.03


def test_what_is_calibrated_stays_as_it_is():
    q, labels, _ = draw(600, 2, lambda p: p)
    found = fit_calibration(table_of(q), labels)
    assert np.abs(found.probabilities(q) - q).mean() < 0.03


def test_the_threshold_keeps_its_promise_on_other_labels():
    q, labels, _ = draw(3000, 3, lambda p: p**2)
    found = fit_calibration(table_of(q), labels)
    fresh, right, _ = draw(3000, 4, lambda p: p**2)
    threshold = found.threshold(0.05)
    sure = found.probabilities(fresh)
    stand = sure.max(1) >= threshold.confidence
    assert 0.4 < threshold.coverage < 0.9
    assert stand.mean() == pytest.approx(threshold.coverage, abs=0.05)
    assert (sure.argmax(1) != right)[stand].mean() < 0.065
    assert found.threshold(0.1).coverage > threshold.coverage
    with pytest.raises(InputError, match="less than this calibration has measured"):
        found.threshold(1e-5)


def test_a_calibration_is_for_one_method_and_its_classes():
    q, labels, _ = draw(600, 5, lambda p: p**2)
    found = fit_calibration(table_of(q), labels)
    answered = q.copy()
    answered[0] = [0, 1, 0]
    calibrated = found.apply(table_of(answered, "hmm(ahead=False) + 1 answer"))
    assert calibrated.context[0].tolist() == [0, 1, 0]
    assert calibrated.context[1:] == pytest.approx(found.probabilities(q[1:]), abs=1e-5)
    with pytest.raises(InputError, match="calibrated already"):
        fit_calibration(calibrated, labels)
    with pytest.raises(InputError, match="is for the method hmm"):
        found.apply(table_of(q, "hmm(ahead=True)"))
    other = Predictions.from_columns(("wolf", "dog", "cat"), q, context=q, method="hmm(ahead=False)")
    with pytest.raises(InputError, match="is for the classes"):
        found.apply(other)
    with pytest.raises(InputError, match="at least 2 deployments"):
        fit_calibration(table_of(q).of_deployment("1"), labels[:50])


@pytest.mark.parametrize("distort", [lambda p: p**2, lambda p: p * np.array([5, 1, 0.2])])
def test_the_file_holds_all(distort, tmp_path):
    q, labels, _ = draw(1500, 6, distort)
    found = fit_calibration(table_of(q), labels)
    save_calibration(tmp_path / "c.json", found)
    again = load_calibration(tmp_path / "c.json")
    np.testing.assert_array_equal(again.probabilities(q), found.probabilities(q))
    assert again.thresholds == found.thresholds
    assert (again.classes, again.method, again.form) == (CLASSES, "hmm(ahead=False)", found.form)


@pytest.mark.parametrize(
    "change", [{"temperature": -1}, {"matrix": [[1]]}, {"form": "odd"}, {"thresholds": []}, {"classes": None}]
)
def test_a_damaged_file_is_told(change, tmp_path):
    q, labels, _ = draw(300, 7, lambda p: p**2)
    path = tmp_path / "c.json"
    save_calibration(path, fit_calibration(table_of(q), labels))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match="not a sound one"):
        load_calibration(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rows": "?"}).replace('"?"', "1e999"))
    with pytest.raises(InputError, match="not a sound one"):
        load_calibration(path)
    path.write_text("{}")
    with pytest.raises(InputError, match="expected a calibration"):
        load_calibration(path)
