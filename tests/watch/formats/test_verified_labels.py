"""Labels by people, from tables, spans, Camtrap DP and COCO Camera Traps."""

import json

import numpy as np
import pytest

from wolfdog.errors import InputError
from wolfdog.labels import LabelSpan, LabelTable
from wolfdog.watch.formats import read_results
from wolfdog.watch.formats.verified_labels import VerifiedLabels, read_verified
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import METHODS


def table(**columns):
    return Predictions.from_columns(["wolf", "dog"], [[0.5, 0.5]] * 4, **columns)


def test_the_nearest_label_holds(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,frame,detection,label\na.mp4,,,wolf\na.mp4,1,,dog\na.mp4,1,1,bear\nb.mp4,,,wolf\nb.mp4,,,dog\n"
    )
    rows = table(media="x/a.mp4", frame=[0, 1, 1, 2], detection=[-1, 0, 1, -1])
    assert read_verified(path).of(rows).tolist() == ["wolf", "dog", "bear", "wolf"]
    assert read_verified(path).of(table(media="b.mp4")).tolist() == [None] * 4


def test_spans_count_from_the_start_of_a_dated_video(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("video,start,end,label\na.mp4,0,1.5,wolf\na.mp4,2,9,dog\n")
    for start, utc in ((0, False), (1_600_000_000, True)):
        rows = table(media="a.mp4", time=start + np.array([0, 1, 1.6, 2]), utc=utc)
        assert read_verified(path).of(rows).tolist() == ["wolf", "wolf", None, "dog"]


def test_coco_camera_traps(tmp_path):
    path = tmp_path / "labels.json"
    document = {
        "images": [{"id": "i", "file_name": "card/1.jpg"}],
        "annotations": [{"image_id": "i", "category_id": 3}],
        "categories": [{"id": 3, "name": "wolf"}],
    }
    path.write_text(json.dumps(document))
    assert read_verified(path).of(table(media="1.jpg")).tolist() == ["wolf"] * 4
    path.write_text(json.dumps(document | {"categories": []}))
    with pytest.raises(InputError, match="is not among the categories"):
        read_verified(path)


def test_camtrap_dp(tmp_path):
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": resources}))
    (tmp_path / "deployments.csv").write_text("deploymentID\nd\n")
    media = "".join(f"m{n},d,2020-05-30T04:57:0{n}Z,{n}.jpg\n" for n in range(3))
    (tmp_path / "media.csv").write_text(f"mediaID,deploymentID,timestamp,filePath\n{media}")
    (tmp_path / "observations.csv").write_text(
        "observationID,deploymentID,mediaID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
        "classificationMethod\n"
        "1,d,m0,,,media,animal,Canis lupus,human\n"
        "2,d,,2020-05-30T04:57:01Z,2020-05-30T04:57:02Z,event,blank,,human\n"
        "3,d,m1,,,media,animal,Canis lupus,machine\n"
    )
    rows = table(media=np.array(["m0", "1.jpg", "m2", "m3"], object))
    assert read_verified(tmp_path).of(rows).tolist() == ["Canis lupus", "blank", "blank", None]


def test_what_is_no_labels_file_is_told(tmp_path):
    path = tmp_path / "labels.csv"
    for text, words in (
        ("file,species_code\na,b\n", "expected the columns"),
        ("file,frame,label\na,x,b\n", "row 2"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_verified(path)
    with pytest.raises(InputError, match="no such file"):
        read_verified(tmp_path / "none.csv")


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_smoothed_file_is_read_with_its_context(suffix, tmp_path):
    path = tmp_path / f"results.{suffix}"
    if suffix == "csv":
        path.write_text(
            "file,p_wolf,p_dog\n"
            + "".join(f"a/{n}.jpg,{p},{1 - p:.1f}\n" for n, p in enumerate([0.9, 0.4, 0.8]))
        )
    else:
        detections = [
            {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "classifications": [["0", p], ["1", 1 - p]]}
            for p in (0.9, 0.4, 0.8)
        ]
        document = {
            "info": {"format_version": "1.5"},
            "detection_categories": {"1": "animal"},
            "classification_categories": {"0": "wolf", "1": "dog"},
            "images": [{"file": f"a/{n}.jpg", "detections": [one]} for n, one in enumerate(detections)],
        }
        path.write_text(json.dumps(document))
    results = read_results(path)
    assert results.predictions.context is None
    smoothed = METHODS["mean"](frames=3).smooth(results.predictions, ahead=True)
    out = tmp_path / f"smoothed.{suffix}"
    results.write(smoothed, out)
    again = read_results(out).predictions
    np.testing.assert_allclose(again.probabilities, results.predictions.probabilities)
    np.testing.assert_allclose(again.context, smoothed.context, atol=1e-3)


def test_of_two_labels_at_a_time_the_one_that_was_said_is_right():
    spans = [LabelSpan(0, 2, "wolf"), LabelSpan(1, 3, "dog")]
    table = Predictions.from_columns(
        ["wolf", "dog", "bear"], np.eye(3)[[0, 0, 2, 0]], time=[0, 1, 1.5, 2.5], media="a.mp4", frame=range(4)
    )
    labels = VerifiedLabels(table=LabelTable({"a.mp4": spans}))
    assert labels.of(table).tolist() == ["wolf", "dog", "dog", "dog"]
    assert labels.of(table, said=table.label_names()).tolist() == ["wolf", "wolf", "dog", "dog"]
