"""Boxes from MegaDetector's results: which frames and files they belong to, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from wolfdog.errors import InputError
from wolfdog.watch.classifiers.detections import MegaDetectorResults

CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}


def found(conf: float = 0.9, category: str = "1", frame: int | None = None, x: float = 0.1) -> dict[str, Any]:
    numbered = {} if frame is None else {"frame_number": frame}
    return {"category": category, "conf": conf, "bbox": [x, 0.2, 0.3, 0.4], **numbered}


def write(folder: Path, images: Any, categories: Any = CATEGORIES) -> Path:
    path = folder / "results.json"
    table = {"info": {"format_version": "1.6"}, "detection_categories": categories, "images": images}
    path.write_text(json.dumps(table))
    return path


def test_boxes_of_an_image(tmp_path: Path) -> None:
    entry = {"file": "a/b.jpg", "detections": [found(0.3), found(0.9), found(0.1), found(0.9, "2")]}
    media = MegaDetectorResults(write(tmp_path, [entry])).finder("a/b.jpg")
    assert [box.confidence for box in media.at(0)] == [0.9, 0.3]
    assert media.at(0)[0].box == pytest.approx((0.1, 0.2, 0.4, 0.6))


def test_frames_between_those_processed_take_the_nearest(tmp_path: Path) -> None:
    entry = {"file": "v.mp4", "frame_rate": 20, "frames_processed": [0, 10, 20],
             "detections": [found(frame=10, x=0.5), found(frame=20, x=0.6)]}  # fmt: skip
    media = MegaDetectorResults(write(tmp_path, [entry])).finder("v.mp4")
    assert [len(media.at(i)) for i in (0, 4, 6, 10, 14, 16, 25, 26)] == [0, 0, 1, 1, 1, 1, 1, 0]
    assert [media.at(i)[0].box[0] for i in (14, 16)] == [0.5, 0.6]


def test_files_are_found_by_the_end_of_their_path(tmp_path: Path) -> None:
    entries = [{"file": name, "detections": [found(x=i / 10)]} for i, name in enumerate(
        ["one/cam/1.mp4", "two/cam/1.mp4", "two\\cam\\2.mp4"])]  # fmt: skip
    results = MegaDetectorResults(write(tmp_path, entries))
    assert results.finder("/data/two/cam/1.mp4").at(0)[0].box[0] == pytest.approx(0.1)
    assert results.finder("2.mp4").at(0)[0].box[0] == pytest.approx(0.2)
    with pytest.raises(InputError, match="may be any of one/cam/1"):
        results.finder("cam/1.mp4")
    with pytest.raises(InputError, match=r"no entry for 3\.mp4"):
        results.finder("3.mp4")


def test_files_that_failed_have_no_boxes(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file": "a.jpg", "failure": "Failure image access", "detections": None}])
    assert MegaDetectorResults(path).finder("a.jpg").at(0) == ()


def test_other_categories_and_thresholds(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file": "a.jpg", "detections": [found(0.3), found(0.9, "2"), found(0.9, "7")]}])
    people = MegaDetectorResults(path, categories=("person",))
    assert len(people.finder("a.jpg").at(0)) == 1
    sure = MegaDetectorResults(path, threshold=0.5)
    assert sure.finder("a.jpg").at(0) == ()
    assert len({people.identity, sure.identity, MegaDetectorResults(path).identity}) == 3


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (None, "a list 'images'"),
        ([3], "the name of a 'file'"),
        ([{"file": "a", "detections": 3}], "'detections' must be a list"),
        ([{"file": "a", "detections": [], "frames_processed": [-1]}], "'frames_processed'"),
        ([{"file": "a", "detections": [{**found(), "bbox": [1, 2, 3]}]}], "a 'bbox' of four numbers"),
        (
            [{"file": "a", "detections": [{**found(), "bbox": [0, 0, float("nan"), 1]}]}],
            "NaN is no number of JSON",
        ),
        ([{"file": "a", "detections": [found(2.0)]}], "from 0 to 1"),
        ([{"file": "a", "detections": [{**found(), "frame_number": "1"}]}], "'frame_number'"),
        ([{"file": "a", "detections": ["x"]}], "got 'x'"),
    ],
)
def test_malformed_files_are_refused(images: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        MegaDetectorResults(write(tmp_path, images))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON"),
        ("[]", "no 'detection_categories'"),
        ("[" * 100000, "nested too deep"),
        ("9" * 400, "a whole number of 400 digits"),
    ],
)
def test_files_of_another_kind(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=message):
        MegaDetectorResults(tmp_path / "a.json")


def test_categories_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its detection categories \(face\)"):
        MegaDetectorResults(write(tmp_path, [], {"1": "face"}))
    with pytest.raises(InputError, match="cannot be read"):
        MegaDetectorResults(tmp_path / "none.json")
    with pytest.raises(InputError, match="0 to 1"):
        MegaDetectorResults(write(tmp_path, []), threshold=2)
