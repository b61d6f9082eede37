"""Evaluation against labels of whole files and sequences."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_run import assert_fine, wolfdog
from wolfdog.labels import LabelSpan, LabelTable
from wolfdog.watch.evaluation.bag_scores import BagClassScore, bag_scores
from wolfdog.watch.formats.verified_labels import VerifiedLabels
from wolfdog.watch.predictions import Predictions, write_predictions
from wolfdog.watch.predictions.bags import LabelledBag

CLASSES = ("blank", "fox", "dog")
bag_of_frames = st.tuples(
    st.lists(st.integers(0, 2), min_size=1, max_size=6), st.sets(st.sampled_from(["fox", "dog"]), min_size=1)
)


@given(st.lists(bag_of_frames, min_size=1, max_size=5))
def test_scores_agree_with_counting_one_by_one(bags):
    said, labelled, start = [], [], 0
    for number, (frames, labels) in enumerate(bags):
        rows = np.arange(start, start + len(frames))
        labelled.append(LabelledBag(str(number), rows, tuple(sorted(labels))))
        said += frames
        start += len(frames)
    found = bag_scores(labelled, np.array(said), CLASSES)
    sets = [({CLASSES[k] for k in frames} - {"blank"}, labels) for frames, labels in bags]
    assert found.found == sum(labels <= given for given, labels in sets)
    assert found.exact == sum(labels == given for given, labels in sets)
    for name in ("fox", "dog"):
        counts = BagClassScore(
            sum(name in labels for _, labels in sets),
            sum(name in given for given, _ in sets),
            sum(name in given and name in labels for given, labels in sets),
        )
        assert found.classes.get(name, BagClassScore(0, 0, 0)) == counts
    assert "blank" not in found.classes


def test_a_label_that_is_no_class_is_never_found():
    found = bag_scores([LabelledBag("a", np.arange(2), ("otter",))], np.array([0, 1]), CLASSES)
    assert (found.found, found.exact, found.classes["otter"].recall) == (0, 0, 0.0)
    assert found.as_dict()["by_class"]["otter"]["precision"] is None


def whole(name, label, bag=None):
    return LabelSpan(0, math.inf, label, bag=bag or name)


def test_bags_of_a_table_are_files_and_sequences_of_several_frames():
    table = Predictions.from_columns(
        list(CLASSES),
        np.eye(3)[[0, 1, 0, 2, 2, 1, 1]],
        media=["a.mp4"] * 3 + ["b/1.jpg", "b/2.jpg", "one.jpg", "one.jpg"],
        frame=[0, 5, 10, 0, 0, 0, 0],
        time=[0, 1, 2, math.nan, math.nan, math.nan, math.nan],
        detection=[-1, -1, -1, -1, -1, 0, 1],
    )
    labels = VerifiedLabels(
        table=LabelTable(
            {
                "a.mp4": [LabelSpan(0, 0.5, "blank"), whole("a.mp4", "fox"), whole("a.mp4", "dog")],
                "b/1.jpg": [whole("b/1.jpg", "dog", "burst")],
                "b/2.jpg": [whole("b/2.jpg", "dog", "burst")],
                "one.jpg": [whole("one.jpg", "fox")],
            }
        )
    )
    found = {bag.name: (bag.rows.tolist(), bag.labels) for bag in labels.bags(table)}
    assert found == {"a.mp4": ([1, 2], ("fox", "dog")), "burst": ([3, 4], ("dog",))}
    assert labels.of(table, whole=False).tolist() == ["blank", None, None, None, None, "fox", "fox"]
    assert labels.of(table).tolist() == ["blank", None, None, "dog", "dog", "fox", "fox"]


def test_evaluate_judges_files_of_predictions_as_bags(tmp_path):
    p = np.full((6, 3), 0.1)
    p[np.arange(6), [0, 1, 0, 0, 2, 1]] = 0.8
    table = Predictions.from_columns(
        list(CLASSES), p, media=["a.mp4"] * 3 + ["b.mp4"] * 3, frame=[0, 1, 2] * 2, time=[0, 1, 2] * 2
    )
    calm = p.copy()
    calm[5] = calm[4]
    write_predictions(tmp_path / "p.parquet", table.with_context(calm, "made"))
    (tmp_path / "l.csv").write_text("filepath,label\na.mp4,fox\nb.mp4,dog\n")
    ran = wolfdog("evaluate", tmp_path / "p.parquet", "--labels", tmp_path / "l.csv", "--out", tmp_path)
    assert_fine(ran)
    assert "of 2 files or sequences labelled as a whole, 100.0 % found, 50.0 %" in " ".join(ran.out.split())
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["evaluations"] == []
    assert scores["bags"]["snapshot"]["exact"] == 0.5
    assert scores["bags"]["context"]["exact"] == 1.0
    assert scores["bags"]["snapshot"]["by_class"]["fox"]["precision"] == pytest.approx(0.5)
    assert not (tmp_path / "scores.png").exists()
