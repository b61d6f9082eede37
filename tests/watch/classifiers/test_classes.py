"""Groups of classes: sums, the three ways to name a class, the shipped lists, and messages."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_image_networks import colour_network, images
from wolfdog.errors import LabelsError
from wolfdog.watch.classifiers.classes import SHIPPED, UNKNOWN, ClassGroups, GroupedClassifier, read_groups
from wolfdog.watch.classifiers.imagenet import imagenet_classes
from wolfdog.watch.classifiers.onnx_classifier import OnnxClassifier

CLASSES = ("red", "green", "blue", "grey", "Grey")


def write(folder: Path, text: str) -> Path:
    path = folder / "classes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_indices_and_ranges(tmp_path: Path) -> None:
    path = write(tmp_path, '[classes]\nwarm = ["RED"]\ncold = [2, "3-4"]\n')
    groups = read_groups(path, CLASSES)
    assert groups.names == ("warm", "cold", "unknown")
    assert groups.group_of == (0, 2, 1, 1, 1)


def test_unknown_may_be_named_and_stays_last(tmp_path: Path) -> None:
    groups = read_groups(write(tmp_path, '[classes]\nunknown = ["red"]\ncold = ["blue"]\n'), CLASSES)
    assert groups.names == ("cold", "unknown")
    assert groups.group_of == (1, 1, 0, 1, 1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(0, 5))
def test_sums_stay_sums(group_of: list[int], n: int) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(len(group_of)), n).astype(np.float32)
    got = ClassGroups(("a", "b", "c", UNKNOWN), tuple(group_of), missing={}).probabilities(p)
    expected = np.zeros((n, 4))
    for k, group in enumerate(group_of):
        expected[:, group] += p[:, k]
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_lists_fit_imagenet(name: str) -> None:
    groups = read_groups(name, imagenet_classes())
    assert groups.names[-1] == UNKNOWN
    assert set(groups.group_of) == set(range(len(groups.names)))  # none is empty
    assert groups.missing
    assert not set(groups.names) & set(groups.missing)


def test_the_model_problem_has_its_classes() -> None:
    groups = read_groups("model-problem", imagenet_classes())
    members = {
        name: [k for k, g in enumerate(groups.group_of) if groups.names[g] == name] for name in groups.names
    }
    assert members["wolf"] == [269, 270, 271]
    assert members["dog"] == list(range(151, 269))
    assert members["bear"] == [294, 295, 296, 297]
    assert members["goldfish"] == [1]


def test_a_grouped_classifier(tmp_path: Path) -> None:
    metadata = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
    inner = OnnxClassifier(colour_network(tmp_path / "a.onnx", metadata=metadata))
    groups = read_groups(write(tmp_path, '[classes]\nwarm = ["red"]\n'), inner.classes)
    shown = images((255, 0, 0), (0, 0, 255))
    got, plain = GroupedClassifier(inner, groups).classify(shown), inner.classify(shown)
    np.testing.assert_allclose(got.probabilities[:, 0], plain.probabilities[:, 0], atol=1e-7)
    np.testing.assert_allclose(got.probabilities[:, 1], plain.probabilities[:, 1:].sum(1), atol=1e-6)
    np.testing.assert_array_equal(got.features, plain.features)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes\n", "not a TOML file"),
        ("", r"no table \[classes\]"),
        ("[classes]\n", r"no table \[classes\]"),
        ("[colours]\na = 1\n", "got 'colours'"),
        ('[classes]\na = "red"\n', "'a' must be a list"),
        ("[classes]\na = []\n", "'a' must be a list"),
        ('[classes]\na = ["gren"]\n', "no class 'gren'. Did you mean 'green'"),
        ('[classes]\na = ["zzz"]\n', "Give its index"),
        ('[classes]\na = ["GREY"]\n', "no class 'GREY'"),  # two classes differ in capitals alone
        ("[classes]\na = [true]\n", "no class True"),
        ("[classes]\na = [5]\n", "within the classes 0 to 4"),
        ('[classes]\na = ["3-1"]\n', "the first no greater"),
        ('[classes]\na = [1]\nb = ["0-2"]\n', "class 1, 'green', is in 'a' and in 'b'"),
        ("[classes]\na = [1]\n[missing]\nb = 2\n", r"\[missing\] has lines"),
    ],
)
def test_messages_say_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=message) as raised:
        read_groups(write(tmp_path, text), CLASSES)
    assert "classes.toml" in str(raised.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="no such file, and none of the lists"):
        read_groups(tmp_path / "none.toml", CLASSES)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(LabelsError, match="UTF-8"):
        read_groups(tmp_path / "bytes.toml", CLASSES)
    with pytest.raises(LabelsError, match="cannot be read"):
        read_groups(tmp_path, CLASSES)
