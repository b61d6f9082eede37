"""YOLO networks in ONNX files: both layouts, the letterbox, classes, and what is refused."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_image_networks import colour_network
from wolfdog.errors import InputError, ONNXError
from wolfdog.watch.classifiers.detector import YoloDetector
from wolfdog.watch.classifiers.preprocessing import Image
from yolo_networks import square_finder


def picture(height: int = 64, width: int = 64, *squares: tuple[int, int, int]) -> Image:
    """A black picture with squares of 8 x 8 pixels (x, y, colour)."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y, colour in squares:
        image[y : y + 8, x : x + 8, colour] = 255
    return image


@pytest.mark.parametrize("layout", ["v5", "v8"])
@pytest.mark.parametrize("named", [True, False])
def test_both_layouts(layout: Literal["v5", "v8"], named: bool, tmp_path: Path) -> None:
    path = square_finder(tmp_path / "a.onnx", layout, None if named else {})
    [box] = YoloDetector(path).detect(picture(64, 64, (16, 40, 0)))
    assert box.box == pytest.approx((16 / 64, 40 / 64, 24 / 64, 48 / 64))
    assert box.confidence == pytest.approx(0.9 if layout == "v5" else 1.0, abs=1e-6)


def test_the_surest_comes_first_and_the_unsure_goes(tmp_path: Path) -> None:
    image = picture(64, 64, (0, 0, 0), (16, 16, 1), (32, 32, 0))
    image[16:24, 16:24] //= 2
    image[32:40, 32:40] //= 8
    found = YoloDetector(square_finder(tmp_path / "a.onnx", "v8")).detect(image)
    assert [round(box.confidence, 1) for box in found] == [1.0, 0.5]


def test_classes_that_count(tmp_path: Path) -> None:
    path = square_finder(tmp_path / "a.onnx", "v8")
    image = picture(64, 64, (0, 0, 0), (16, 16, 1))
    [box] = YoloDetector(path, classes=("green",)).detect(image)
    assert box.box[0] == pytest.approx(16 / 64)
    with pytest.raises(InputError, match="no class 'blue'; it has red, green"):
        YoloDetector(path, classes=("blue",))


@given(st.sampled_from([(128, 256), (256, 128), (64, 128), (320, 320)]), st.integers(0, 3), st.integers(0, 3))
def test_boxes_are_relative_to_the_frame_not_to_the_letterbox(shape: tuple[int, int], i: int, k: int) -> None:
    height, width = shape
    scale = 64 / max(shape)
    block = round(8 / scale)  # pixels of the frame that become a cell of the network
    x, y = i * block, k * block
    image = np.zeros((height, width, 3), np.uint8)
    image[y : y + block, x : x + block, 0] = 255
    [box] = detector().detect(image)
    expected = (x / width, y / height, (x + block) / width, (y + block) / height)
    assert box.box == pytest.approx(expected, abs=1e-6)


@cache
def detector() -> YoloDetector:
    """One session for all examples; the file may go once it is open."""
    with tempfile.TemporaryDirectory() as folder:
        return YoloDetector(square_finder(Path(folder) / "a.onnx", "v8"))


def test_neighbours_that_overlap_are_one(tmp_path: Path) -> None:
    path = square_finder(tmp_path / "a.onnx", "v8", side=16)
    image = picture(64, 64, (16, 16, 0), (24, 16, 0))  # their boxes share a third of their union
    assert len(YoloDetector(path, overlap=0.45).detect(image)) == 2
    assert len(YoloDetector(path, overlap=0.3).detect(image)) == 1
    image[16:24, 24:32] = (0, 255, 0)
    assert len(YoloDetector(path, overlap=0.3).detect(image)) == 2  # of two classes


def test_any_size_needs_one(tmp_path: Path) -> None:
    path = square_finder(tmp_path / "a.onnx", "v8", size="side")
    with pytest.raises(ONNXError, match="Give the size"):
        YoloDetector(path)
    assert len(YoloDetector(path, size=(64, 64)).detect(picture(64, 64, (8, 8, 0)))) == 1


def test_outputs_of_another_kind(tmp_path: Path) -> None:
    detector = YoloDetector(colour_network(tmp_path / "a.onnx"))
    with pytest.raises(ONNXError, match="Export it without non-maximum suppression"):
        detector.detect(picture())


def test_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        YoloDetector(square_finder(tmp_path / "a.onnx", "v8"), threshold=2)


def test_the_identity_changes_with_the_settings(tmp_path: Path) -> None:
    path = square_finder(tmp_path / "a.onnx", "v8")
    made = [YoloDetector(path), YoloDetector(path, threshold=0.5), YoloDetector(path, classes=("red",))]
    assert len({detector.identity for detector in made}) == 3
