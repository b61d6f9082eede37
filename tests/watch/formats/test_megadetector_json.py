"""MegaDetector's batch results, read and written again."""

import contextlib
import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wolfdog.errors import InputError
from wolfdog.watch.formats import read_results
from wolfdog.watch.formats.megadetector_json import CERTAIN, UNSMOOTHED
from wolfdog.watch.smoothing import METHODS

DOCUMENT = {
    "info": {"format_version": "1.6", "classifier": "some", "extra": {"kept": 1}},
    "detection_categories": {"1": "animal", "2": "person"},
    "classification_categories": {"7": "raccoon", "8": "badger", "9": "opossum"},
    "images": [
        {"file": "cam1/a.jpg", "datetime": "2026:05:30 04:57:37", "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4], "classifications": [["7", 0.8], ["8", 0.1]]},
            {"category": "1", "conf": 0.05, "bbox": [0.0, 0.0, 0.1, 0.1]},
        ]},
        {"file": "cam1/b.jpg", "datetime": "2026:05:30 04:57:39", "detections": [], "own field": [1, 2]},
        {"file": "cam1/c.jpg", "datetime": "2026:05:30 04:57:41", "detections": [
            {"category": "2", "conf": 0.8, "bbox": [0.1, 0.2, 0.3, 0.4]},
            {"category": "1", "conf": 0.7, "bbox": [0.5, 0.2, 0.3, 0.4]},
        ]},
        {"file": "cam2\\d.mp4", "frame_rate": 10.0, "frames_processed": [0, 10, 20], "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "frame_number": 10, "classifications": [["8", 1.0]]},
        ]},
        {"file": "cam2/e.jpg", "failure": "cannot be opened", "detections": None},
    ],
}  # fmt: skip


def written(document, tmp_path, name="results.json"):
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_rows_are_detections_and_empty_frames(tmp_path):
    table = read_results(written(DOCUMENT, tmp_path)).predictions
    assert table.classes == ("raccoon", "badger", "opossum", "person", "blank")
    assert table.blank == "blank"
    assert table.media.tolist() == [
        "cam1/a.jpg",
        "cam1/b.jpg",
        "cam1/c.jpg",
        "cam1/c.jpg",
        *["cam2\\d.mp4"] * 3,
    ]
    assert table.deployment.tolist() == ["cam1"] * 4 + ["cam2\\d.mp4"] * 3
    assert table.detection.tolist() == [0, -1, 0, 1, -1, 0, -1]
    assert table.frame.tolist() == [0, 0, 0, 0, 0, 10, 20]
    assert table.label_names().tolist() == [
        "raccoon",
        "blank",
        "person",
        "raccoon",
        "blank",
        "badger",
        "blank",
    ]
    np.testing.assert_allclose(
        table.probabilities[0], [0.8, 0.1, 0.1, 0, 0], atol=1e-6
    )  # the rest is opossum's
    np.testing.assert_allclose(table.spread, [0.1, 0.02, 0.02, 1, 0.02, 0, 0.02], atol=1e-6)
    assert table.probabilities[1, 4] == pytest.approx(CERTAIN)
    np.testing.assert_allclose(table.time[:4] - table.time[0], [0, 2, 4, 4])
    np.testing.assert_allclose(table.time[4:], [0, 1, 2])
    assert table.utc


def test_the_file_comes_out_with_both_labels_and_nothing_lost(tmp_path):
    results = read_results(written(DOCUMENT, tmp_path))
    out = tmp_path / "smoothed.json"
    smoothed = METHODS["memory"]().smooth(results.predictions)
    results.write(smoothed, out)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["info"].pop("smoothing")["method"].startswith("memory(")
    first = found["images"][0]["detections"][0]
    assert first[UNSMOOTHED] == [["7", 0.8], ["8", 0.1]]
    top, p = first["classifications"][0]
    k = int(smoothed.context[0].argmax())
    assert found["classification_categories"][top] == smoothed.classes[k]
    assert p == pytest.approx(smoothed.context[0, k], abs=1e-4)
    assert [p for _, p in first["classifications"]] == sorted(
        (p for _, p in first["classifications"]), reverse=True
    )
    for image in found["images"]:
        for detection in image["detections"] or []:
            if UNSMOOTHED in detection:
                detection["classifications"] = detection.pop(UNSMOOTHED)
                if not detection["classifications"]:
                    del detection["classifications"]
    for number in set(found["classification_categories"]) - set(DOCUMENT["classification_categories"]):
        del found["classification_categories"][number]
    assert found == DOCUMENT


def test_smoothing_twice_is_smoothing_once(tmp_path):
    once, twice = tmp_path / "once.json", tmp_path / "twice.json"
    for source, target in ((written(DOCUMENT, tmp_path), once), (once, twice)):
        results = read_results(source)
        results.write(METHODS["mean"]().smooth(results.predictions), target)
    assert json.loads(once.read_text()) == json.loads(twice.read_text())


def test_times_from_elsewhere(tmp_path):
    document = copy.deepcopy(DOCUMENT)
    for image in document["images"]:
        image.pop("datetime", None)
    table = read_results(
        written(document, tmp_path), times={"cam1/a.jpg": 5.0, "cam2\\d.mp4": 100.0}
    ).predictions
    np.testing.assert_allclose(table.time, [5, np.nan, np.nan, np.nan, 100, 101, 102])
    assert table.deployment[-1] == "cam2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "'images' as a list"),
        (lambda d: d["images"].append(3), r"images\[5\]: expected an object"),
        (lambda d: d["images"][0].pop("file"), r"images\[0\]: expected the path"),
        (lambda d: d["images"][0]["detections"][0].update(bbox=[1, 2]), "bbox"),
        (lambda d: d["images"][0]["detections"][0].update(conf="high"), "expected a number, got 'high'"),
        (
            lambda d: d["images"][0]["detections"][0].update(classifications=[["1", 0.5]]),
            "classification_categories",
        ),
        (
            lambda d: d["images"][0]["detections"][0].update(classifications=[[["1"], 0.5]]),
            "classification_categories",
        ),
        (lambda d: d["images"][0].update(datetime="yesterday"), "expected a date and time"),
        (lambda d: d["classification_categories"].update(x="wolf"), "numbers in quotes"),
    ],
)
def test_mistakes(change, message, tmp_path):
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(InputError, match=message):
        read_results(written(document, tmp_path))


def test_detections_of_a_category_that_is_no_name_are_left_out(tmp_path):
    document = copy.deepcopy(DOCUMENT)
    document["images"][0]["detections"][0]["category"] = [1]
    assert len(read_results(written(document, tmp_path)).predictions) > 0


KEYS = st.sampled_from(["file", "detections", "conf", "bbox", "category"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(KEYS, part, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_any_json_is_read_or_refused(tmp_path_factory, part):
    path = tmp_path_factory.mktemp("any") / "results.json"
    for document in (
        part,
        {**DOCUMENT, "images": [part]},
        {**DOCUMENT, "images": [{"file": "a", "detections": [part]}]},
    ):
        path.write_text(json.dumps(document), encoding="utf-8")
        with contextlib.suppress(InputError):
            read_results(path)
