"""timm's networks through a module of the same form: timm itself needs torchvision, and a hub for its weights."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wolfdog.errors import CheckpointError, InputError, MissingPackageError
from wolfdog.watch.classifiers.timm_classifier import timm_classifier


class Colours(nn.Module):
    """The methods that timm's networks have: logits are the mean colours through a linear layer."""

    def __init__(self, labels: list[str] | None) -> None:
        super().__init__()
        self.head = nn.Linear(3, 3, bias=False)
        self.head.weight.data = torch.eye(3) * 2
        self.pretrained_cfg = {"label_names": labels}

    def forward_features(self, x: Tensor) -> Tensor:
        return x

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        pooled = maps.mean((2, 3))
        return pooled if pre_logits else self.head(pooled)


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = ModuleType("timm")
    networks = {"colours.a": ["red", "green", "blue"], "colours.b": None}
    module.is_model = lambda name: name in networks
    module.list_models = lambda pattern, pretrained: [n for n in networks if n.startswith(pattern.strip("*"))]
    module.create_model = lambda name, pretrained: Colours(networks[name])
    settings = {"input_size": (3, 8, 10), "mean": (0.5, 0.4, 0.3), "std": (0.5, 0.25, 0.125)}
    module.data = SimpleNamespace(resolve_model_data_config=lambda model: settings)
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


def test_size_normalisation_and_names_are_timm_s(timm: Any) -> None:
    classifier = timm_classifier("colours.a")
    got = classifier.classify(np.full((2, 30, 20, 3), 255, np.uint8))
    assert classifier.name == "timm:colours.a"
    assert classifier.classes == ("red", "green", "blue")
    assert (classifier.preprocessing.height, classifier.preprocessing.width) == (8, 10)
    expected = np.array([(1 - 0.5) / 0.5, (1 - 0.4) / 0.25, (1 - 0.3) / 0.125])
    np.testing.assert_allclose(got.features, [expected] * 2, rtol=1e-5)
    powers = np.exp(2 * expected)
    np.testing.assert_allclose(got.probabilities, [powers / powers.sum()] * 2, rtol=1e-4)


def test_classes_without_names_are_numbered(timm: Any) -> None:
    assert timm_classifier("colours.b").classes == ("class 0", "class 1", "class 2")


def test_the_identity_changes_with_the_weights(timm: Any) -> None:
    first = timm_classifier("colours.a").identity
    assert timm_classifier("colours.a").identity == first
    changed = Colours(None)
    changed.head.weight.data *= 2
    timm.create_model = lambda name, pretrained: changed
    assert timm_classifier("colours.a").identity != first


def test_unknown_networks(timm: Any) -> None:
    with pytest.raises(InputError, match=r"no network called 'colour'. It has colours\.[ab], colours\.[ab]"):
        timm_classifier("colour")


def test_weights_that_cannot_be_had(timm: Any) -> None:
    def unreachable(name: str, pretrained: bool) -> nn.Module:
        raise OSError("no route to host")

    timm.create_model = unreachable
    with pytest.raises(CheckpointError, match=r"cannot be had.*no route to host"):
        timm_classifier("colours.a")


def test_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackageError, match=r'pip install "wolfdog\[timm\]"'):
        timm_classifier("resnet18")


def test_timm_whose_import_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        MissingPackageError, match=r"timm, which cannot be loaded \(RuntimeError: operator torchv"
    ):
        timm_classifier("resnet18")
