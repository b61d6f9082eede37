"""Folders of trained heads: saved and loaded, every memory, damage, and another classifier in its place."""

import numpy as np
import pytest
import torch

from onnx_image_networks import colour_network
from wolfdog.errors import CheckpointError
from wolfdog.watch.classifiers.linear_head import LinearHead
from wolfdog.watch.classifiers.registry import load_classifier
from wolfdog.watch.labelling.trained_model import FILE, TrainedModel, load_trained_model
from wolfdog.watch.model.context import Context
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import AnyClass, Majority, NoSmoothing
from wolfdog.watch.smoothing.class_head import ClassHead
from wolfdog.watch.smoothing.trained import Heads, TrainedMemory
from wolfdog.watch.training.context_method import ContextMethod, context_config

CLASSES = ("warm", "cold")


@pytest.fixture
def network(tmp_path):
    metadata = {"names": '["red", "green", "blue"]', "normalisation": "unit"}
    return colour_network(tmp_path / "colours.onnx", features=True, metadata=metadata)


def model(network, memory):
    features = load_classifier(f"onnx:{network}")
    head = LinearHead(CLASSES, np.float32([[5, 0, 0], [0, 0, 5]]), np.float32([0.1, 0]))
    return TrainedModel(f"onnx:{network}", features.identity, "squeeze", 4.0, head, memory=memory)


def heads(ahead):
    torch.manual_seed(1)
    made = [ClassHead(2, width=3, ahead=ahead, dropout=0.0).eval() for _ in range(2)]
    for head in made:
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
    return Heads(tuple(made), 1.3)


def fresh():
    torch.manual_seed(2)
    config = context_config(CLASSES, 4.0, "gru", hidden=3)
    return ContextMethod(config=config, context=Context.of(config).eval())


MEMORIES = {
    "none": NoSmoothing,
    "any-class": AnyClass,
    "fitted": lambda: TrainedMemory(classes=CLASSES, causal_heads=heads(False), ahead_heads=heads(True)),
    "as it is": lambda: TrainedMemory(
        classes=CLASSES, causal_heads=Heads((), 1.0), ahead_heads=Heads((), 1.0)
    ),
    "fresh": fresh,
}


@pytest.mark.parametrize("kind", MEMORIES)
def test_what_is_loaded_says_the_same(network, tmp_path, kind):
    memory = MEMORIES[kind]()
    saved = model(network, memory)
    saved.save(tmp_path / "model")
    loaded = load_trained_model(tmp_path / "model")
    assert (loaded.classifier, loaded.crop, loaded.fps) == (saved.classifier, "squeeze", 4.0)
    np.testing.assert_array_equal(loaded.head.weight, saved.head.weight)
    assert loaded.head.classes == CLASSES
    p = np.random.default_rng(0).dirichlet([1, 1], 20)
    table = Predictions.from_columns(CLASSES, p, time=np.arange(20) / 4)
    for ahead in (False, True) if memory.looks_ahead else (False,):
        expected = memory.smooth(table, ahead=ahead)
        actual = loaded.memory.smooth(table, ahead=ahead)
        np.testing.assert_array_equal(actual.context, expected.context)
        assert actual.method == expected.method
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    frames[..., 2] = 200
    assert loaded.labels().classify(frames).probabilities.argmax() == 1


def test_a_memory_that_a_folder_cannot_hold_is_refused(network, tmp_path):
    with pytest.raises(ValueError, match="majority"):
        model(network, Majority()).save(tmp_path)


def test_other_weights_under_the_same_name_are_refused(network, tmp_path):
    model(network, AnyClass()).save(tmp_path / "model")
    colour_network(network, features=True, metadata={"names": '["r", "g", "b"]', "normalisation": "unit"})
    with pytest.raises(CheckpointError, match="not those that this model was trained on"):
        load_trained_model(tmp_path / "model").labels()


def test_damage_is_told(network, tmp_path):
    path = model(network, fresh()).save(tmp_path / "model")
    with pytest.raises(CheckpointError, match=FILE):
        load_trained_model(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="damaged"):
        load_trained_model(tmp_path / "model")
