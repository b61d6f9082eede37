"""Looks as rows of the predictions table: each column in its place."""

from pathlib import Path

import numpy as np
import pytest

from colour_classifier import ColourClassifier
from look_cases import Corner, cornered, whole
from watch_films import film
from wolfdog.watch.classifiers.chosen_frames import LookOptions
from wolfdog.watch.classifiers.prediction_rows import as_predictions
from wolfdog.watch.classifiers.video_classification import classify_video


def test_columns_keep_their_places(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", cornered(4), rate=10)
    classifier = ColourClassifier()
    looks = whole(classify_video(path, classifier, options=LookOptions(boxes=Corner(objects=True))))
    table = as_predictions(looks, classifier, media="a.mp4", deployment="garden")
    assert table.classes == ("red", "green", "blue")
    assert set(table.media) == {"a.mp4"}
    assert table.deployments() == ("garden",)
    assert table.frame.tolist() == [0, 1, 2, 3]
    assert table.detection.tolist() == [-1, 0, -1, 0]
    assert table.time[1] == pytest.approx(0.1, abs=1e-3)
    assert table.duration[1] == pytest.approx(0.1, abs=1e-3)
    np.testing.assert_allclose(table.box[1], [0, 0, 0.4, 0.4], atol=1e-6)
    assert table.confidence[1] == pytest.approx(0.5)
    np.testing.assert_array_equal(table.probabilities, looks.probabilities)
    assert table.classifier == "colours"
