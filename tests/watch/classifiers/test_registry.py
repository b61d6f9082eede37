"""Classifiers by name, and the networks that PyTorch runs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lite_weights import random_state
from onnx_image_networks import colour_network
from watch_watchers import made
from wolfdog.errors import CheckpointError, InputError
from wolfdog.watch.classifiers import efficientnet_lite_classifier
from wolfdog.watch.classifiers.classes import GroupedClassifier
from wolfdog.watch.classifiers.efficientnet_lite import VARIANTS
from wolfdog.watch.classifiers.onnx_classifier import OnnxClassifier
from wolfdog.watch.classifiers.onnx_settings import OnnxOptions
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.classifiers.torch_classifier import TorchClassifier


def test_an_onnx_file_with_groups(tmp_path: Path) -> None:
    path = colour_network(tmp_path / "a.onnx", metadata={"normalisation": "unit"})
    (tmp_path / "classes.toml").write_text('[classes]\nwarm = ["a"]\n')
    classifier = load_classifier(
        f"onnx:{path}",
        classes=tmp_path / "classes.toml",
        crop="letterbox",
        onnx=OnnxOptions(classes=("a", "b", "c")),
    )
    assert isinstance(classifier, GroupedClassifier)
    assert classifier.classes == ("warm", "unknown")
    assert classifier.preprocessing.crop == "letterbox"
    assert classifier.name == f"onnx:{path}"


def test_a_trained_watcher_s_network(tmp_path: Path) -> None:
    watcher = made()
    watcher.save(tmp_path / "watcher")
    classifier = load_classifier(f"scratch:{tmp_path / 'watcher'}", crop="centre")
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    with torch.no_grad():
        features, logits = watcher.frame_classifier(torch.from_numpy(frames))
    got = classifier.classify(frames)
    assert classifier.classes == watcher.config.classes
    np.testing.assert_allclose(got.features, features.numpy(), atol=1e-6)
    np.testing.assert_allclose(got.probabilities, logits.softmax(1).numpy(), atol=1e-6)
    with pytest.raises(CheckpointError):
        load_classifier(f"scratch:{tmp_path / 'none'}")


@pytest.fixture
def lite_with_random_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "weights.pth"
    torch.save(random_state(VARIANTS["efficientnet-lite0"]), path)
    monkeypatch.setattr(efficientnet_lite_classifier, "weights_path", lambda name: path)
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_the_onnx_file_is_written_once(
    lite_with_random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    first = load_classifier()
    assert isinstance(first, OnnxClassifier)
    [kept] = lite_with_random_weights.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(efficientnet_lite_classifier, "onnx_graph", None)  # would fail if it were called
        again = load_classifier()
    np.testing.assert_array_equal(first.classify(image).features, again.classify(image).features)
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(bytes(data))
    np.testing.assert_array_equal(first.classify(image).features, load_classifier().classify(image).features)
    assert kept.read_bytes() != bytes(data)


def test_torch_where_onnx_runtime_is_missing(
    lite_with_random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficientnet_lite_classifier, "is_installed", lambda name: name != "onnxruntime")
    assert isinstance(load_classifier(), TorchClassifier)


def test_threads_are_given_back(lite_with_random_weights: Path) -> None:
    before = torch.get_num_threads()
    seen = []

    def network(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(torch.get_num_threads())
        return torch.zeros(len(images), 1), torch.zeros(len(images), 1)

    inner = efficientnet_lite_classifier.efficientnet_lite(runtime="torch")
    classifier = TorchClassifier(
        "t",
        network,
        identity="t",
        preprocessing=inner.preprocessing,
        classes=("a",),
        feature_size=1,
        threads=2,
    )
    classifier.classify(np.zeros((1, 4, 4, 3), np.uint8))
    assert seen == [2]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet-lite", "Did you mean efficientnet-lite"),
        ("resnet", "Choose one of efficientnet-lite0"),
        ("onnx:", "onnx:FILE"),
        ("onnx", "onnx:FILE"),
        ("file:a.onnx", "onnx:FILE"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_classifier(name)
