"""Any image network in an ONNX file: formats of input and output, names, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from onnx_image_networks import colour_network, images, save
from wolfdog.errors import InputError, ONNXError, ShapeError
from wolfdog.watch.classifiers.classifier import softmax
from wolfdog.watch.classifiers.normalisation import NORMALISATIONS, Normalisation, normalisation
from wolfdog.watch.classifiers.onnx_classifier import OnnxClassifier
from wolfdog.watch.classifiers.onnx_settings import OnnxOptions

NAMES = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
SHOWN = images((255, 0, 0), (0, 128, 255))
LOGITS = np.float32([[1, 0, 0], [0, 128 / 255, 1]])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", ["N", 1, 3])
def test_layouts_and_fixed_batches(layout: str, batch: int | str, tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", layout=layout, batch=batch, metadata=NAMES)
    classifier = OnnxClassifier(path)
    got = classifier.classify(SHOWN)
    assert classifier.classes == ("red", "green", "blue")
    np.testing.assert_allclose(got.probabilities, softmax(LOGITS), atol=1e-6)
    np.testing.assert_allclose(got.features, LOGITS, atol=1e-6)  # what the last linear layer reads


def test_batches_of_any_size_agree(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata=NAMES)
    frames = np.random.default_rng(0).integers(0, 256, (7, 9, 11, 3), np.uint8)
    one, three = (OnnxClassifier(path, batch_size=n).classify(frames) for n in (1, 3))
    np.testing.assert_array_equal(one.probabilities, three.probabilities)
    assert OnnxClassifier(path).classify(frames[:0]).probabilities.shape == (0, 3)


def test_probabilities_are_not_softened_again(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", softmax=True, features=True, metadata=NAMES)
    got = OnnxClassifier(path, options=OnnxOptions(features_output="means")).classify(SHOWN)
    np.testing.assert_allclose(got.probabilities, softmax(LOGITS), atol=1e-6)
    np.testing.assert_allclose(got.features, LOGITS, atol=1e-6)


def test_an_encoder_has_features_alone(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata=NAMES)
    classifier = OnnxClassifier(path, options=OnnxOptions(encoder=True))
    got = classifier.classify(SHOWN)
    assert classifier.classes == ()
    assert got.probabilities.shape == (2, 0)
    np.testing.assert_allclose(got.features, LOGITS, atol=1e-6)


def test_bytes_need_no_normalisation(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", dtype=TensorProto.UINT8, metadata={"names": NAMES["names"]})
    got = OnnxClassifier(path, options=OnnxOptions(encoder=True)).classify(SHOWN)
    np.testing.assert_allclose(got.features, LOGITS * 255, atol=1e-3)


def test_half_precision(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", dtype=TensorProto.FLOAT16, metadata=NAMES)
    np.testing.assert_allclose(OnnxClassifier(path).classify(SHOWN).features, LOGITS, atol=1e-3)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"Image.NominalPixelRange": "NominalRange_0_255"}, LOGITS * 255),
        ({"Image.NominalPixelRange": "Normalized_1_1"}, LOGITS * 2 - 1),
        ({"Image.NominalPixelRange": "Normalized_0_1", "Image.BitmapPixelFormat": "Bgr8"}, LOGITS[:, ::-1]),
        ({"normalisation": "0.5 0.5 0.5 0.25 0.25 0.25"}, LOGITS * 4 - 2),
    ],
)
def test_normalisation_from_metadata(
    metadata: dict[str, str], expected: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata={"names": NAMES["names"], **metadata})
    np.testing.assert_allclose(OnnxClassifier(path).classify(SHOWN).features, expected, atol=1e-4)


def test_mean_and_deviation_belong_to_colours_not_to_channels(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata=NAMES)
    skewed = Normalisation((0.1, 0.2, 0.3), (1, 2, 4))
    rgb = OnnxClassifier(path, options=OnnxOptions(normalisation=skewed)).classify(SHOWN)
    bgr = OnnxClassifier(path, options=OnnxOptions(normalisation=skewed, channels="bgr")).classify(SHOWN)
    np.testing.assert_allclose(rgb.features, (LOGITS - [0.1, 0.2, 0.3]) / [1, 2, 4], atol=1e-6)
    np.testing.assert_allclose(bgr.features, rgb.features[:, ::-1], atol=1e-6)


def test_metadata_of_ultralytics(tmp_path: Path) -> None:
    metadata = {"names": "{0: 'red', 1: 'green', 2: 'blue'}", "imgsz": "[4, 6]"}
    path = colour_network(tmp_path / "a.onnx", size=("h", "w"), metadata=metadata)
    classifier = OnnxClassifier(path)
    assert (classifier.preprocessing.height, classifier.preprocessing.width) == (4, 6)
    assert classifier.classes == ("red", "green", "blue")
    np.testing.assert_allclose(classifier.classify(SHOWN).features, LOGITS, atol=1e-6)


def test_options_go_before_metadata(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", size=("h", "w"), metadata={**NAMES, "size": "[4, 6]"})
    options = OnnxOptions(size=(8, 8), classes=("a", "b", "c"), normalisation=NORMALISATIONS["bytes"])
    classifier = OnnxClassifier(path, options=options)
    assert classifier.classes == ("a", "b", "c")
    assert classifier.preprocessing.width == 8
    np.testing.assert_allclose(classifier.classify(SHOWN).features, LOGITS * 255, atol=1e-3)


def test_the_identity_changes_with_what_changes_numbers(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata=NAMES)
    other = colour_network(tmp_path / "b.onnx", metadata={**NAMES, "normalisation": "signed"})
    bgr = OnnxOptions(channels="bgr")
    made = [OnnxClassifier(path), OnnxClassifier(other), OnnxClassifier(path, options=bgr)]
    assert len({c.identity for c in made}) == 3
    assert OnnxClassifier(path).identity == made[0].identity


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ({"metadata": {"normalisation": "unit"}}, {}, "3 classes and there are no names"),
        ({"metadata": NAMES}, {"classes": ("a", "b")}, "3 classes and there are 2 names"),
        ({"metadata": NAMES}, {"classes": ("a", "a", "b")}, "two classes are called 'a'"),
        ({"metadata": {"names": NAMES["names"]}}, {}, "Give the normalisation: imagenet"),
        ({"metadata": {**NAMES, "normalisation": "odd"}}, {}, "one of imagenet"),
        ({"metadata": {**NAMES, "names": "{1: 'a'}"}}, {}, "'names' must be a list"),
        ({"metadata": NAMES, "size": ("h", "w")}, {}, "Give the size"),
        ({"metadata": NAMES, "size": (4, 3), "layout": "NCHW"}, {}, "Give layout"),
        ({"metadata": NAMES}, {"size": (9, 9)}, "fixed size 4 x 6, got 9 x 9"),
        ({"metadata": NAMES}, {"classes_output": "nope"}, "no output 'nope'; it has logits"),
    ],
)
def test_what_is_missing_is_named(
    network: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = colour_network(tmp_path / "a.onnx", **network)
    with pytest.raises(InputError, match=message):
        OnnxClassifier(path, options=OnnxOptions(**options))


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    with pytest.raises(ONNXError, match="no such file"):
        OnnxClassifier(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ONNXError, match="cannot load it"):
        OnnxClassifier(tmp_path / "text.onnx")


def test_an_input_that_is_no_image(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, ["N", 5])], [value("y", TensorProto.FLOAT, ["N", 5])],
    )  # fmt: skip
    with pytest.raises(ONNXError, match="must be a batch of images"):
        OnnxClassifier(save(graph, tmp_path / "a.onnx"))


def test_an_output_that_is_no_row(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, ["N", 3, 4, 4])], [value("y", TensorProto.FLOAT, ["N", 3, 4, 4])],
    )  # fmt: skip
    with pytest.raises(ONNXError, match="one row of numbers for each image"):
        OnnxClassifier(save(graph, tmp_path / "a.onnx", NAMES))


@pytest.mark.parametrize("batch", [2**40, 3_000_000])
def test_a_fixed_batch_is_bounded(batch: int, tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", batch=batch, metadata=NAMES)
    with pytest.raises(ONNXError, match=r"images of 4 x 6 in each call, over the bound of 67,108,864 pixels"):
        OnnxClassifier(path)


def test_an_output_of_a_single_number(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 4, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
        [],
    )
    with pytest.raises(ONNXError, match=r"one row of numbers for each image, got the shape \[\] for 1"):
        OnnxClassifier(save(graph, tmp_path / "a.onnx", NAMES))


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata=NAMES)
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    got = OnnxClassifier(path).classify(SHOWN)
    np.testing.assert_allclose(got.probabilities, softmax(LOGITS), atol=1e-6)


@pytest.mark.parametrize(
    "frames", [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3)), np.zeros((1, 0, 4, 3), np.uint8)]
)
def test_frames_of_another_form_are_refused(frames: np.ndarray[Any, Any], tmp_path: Path) -> None:
    classifier = OnnxClassifier(colour_network(tmp_path / "a.onnx", metadata=NAMES))
    with pytest.raises(ShapeError, match=r"uint8 \[N, H, W, 3\]"):
        classifier.classify(frames)


def test_normalisations_by_name_and_number() -> None:
    assert normalisation("imagenet") is NORMALISATIONS["imagenet"]
    with pytest.raises(InputError, match="six numbers"):
        normalisation("1 2 3")
    with pytest.raises(InputError, match="no deviation of 0"):
        normalisation("0 0 0 1 0 1")


def test_names_that_are_no_text_are_said(tmp_path):
    path = colour_network(tmp_path / "c.onnx", metadata={"names": '["red", "green", "blue"]'})
    path.write_bytes(path.read_bytes().replace(b"logits", b"\xb5ogits"))
    with pytest.raises(ONNXError, match="cannot load it"):
        OnnxClassifier(path)
