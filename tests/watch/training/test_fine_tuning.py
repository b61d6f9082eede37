"""Fine-tuning: only the end of the network learns, it learns, and it is put back where it does not help."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from lite_weights import random_state
from watch_films import film
from wolfdog.errors import InputError
from wolfdog.labels import LabelSpan
from wolfdog.watch.classifiers.efficientnet_lite import EfficientNetLite, Variant
from wolfdog.watch.classifiers.preprocessing import Preprocessing
from wolfdog.watch.training.fine_tuning import FineTuning, LabelledFrames, fine_tune, read_frames

CLASSES = ("stripes", "dots")


@contextmanager
def silent(title, total):
    yield lambda amount, note: None


def network():
    variant = Variant("tiny", 0.25, 0.25, 32)
    return EfficientNetLite(variant, random_state(variant)).eval()


def textures(count=12, size=32, seed=0):
    """Frames of four videos, of two textures that differ in no mean colour."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 0, 1], count)
    images = rng.integers(0, 60, (len(labels), size, size, 3))
    images[labels == 0, :, ::4] += 150
    images[labels == 1, ::4] += 150
    media = np.repeat(np.array(["a.mp4", "b.mp4", "c.mp4", "d.mp4"], object), count)
    return LabelledFrames(images.astype(np.uint8), labels.astype(np.int64), media)


def test_only_the_end_of_the_network_learns():
    one = network()
    before = {name: value.clone() for name, value in one.state_dict().items()}
    tuned = fine_tune(
        one, textures(), CLASSES, FineTuning(steps=6, batch=8, convolutions=3, rate=1e-3), stages=silent
    )
    changed = {name for name, value in one.state_dict().items() if not torch.equal(value, before[name])}
    last = len(one.convolutions) - 1
    expected = {f"{kind}.{last - back}" for kind in ("weights", "biases") for back in range(3)}
    assert changed == (expected if tuned.head is not None else set())
    assert not any(parameter.requires_grad for parameter in one.parameters())


def test_what_does_not_help_is_put_back():
    one, frames = network(), textures()
    chance = np.random.default_rng(1).integers(0, 2, len(frames.labels))  # nothing to be learned
    frames = LabelledFrames(frames.images, chance, frames.media)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    tuned = fine_tune(one, frames, CLASSES, FineTuning(steps=4, batch=4, rate=10.0), stages=silent)
    assert tuned.head is None
    assert not tuned.loss_after < tuned.loss_before
    assert all(torch.equal(value, before[name]) for name, value in one.state_dict().items())


def test_frames_are_read_with_their_labels(tmp_path):
    colours = [np.full((40, 60, 3), colour, np.uint8) for colour in (20, 220) for _ in range(20)]
    videos = {film(tmp_path / name, colours, rate=10): name for name in ("a.mp4", "b.mp4")}
    spans = {name: [LabelSpan(0, 2, "stripes"), LabelSpan(2.5, 4, "dots")] for name in ("a.mp4", "b.mp4")}
    frames = read_frames(videos, spans, CLASSES, Preprocessing(16, 16), fps=10, stages=silent)
    assert frames.images.shape == (70, 16, 16, 3)
    assert (frames.images.mean((1, 2, 3)) > 128).tolist() == (frames.labels == 1).tolist()
    assert frames.media.tolist() == ["a.mp4"] * 35 + ["b.mp4"] * 35
    few = read_frames(videos, spans, CLASSES, Preprocessing(16, 16), fps=10, stages=silent, most=20)
    assert 10 <= len(few.labels) <= 20
    assert set(few.labels.tolist()) == {0, 1}


def test_what_cannot_be_tuned_is_refused(tmp_path):
    frames = textures()
    alone = LabelledFrames(frames.images[:12], frames.labels[:12], frames.media[:12])
    with pytest.raises(InputError, match="two videos or more"):
        fine_tune(network(), alone, CLASSES, stages=silent)
    with pytest.raises(InputError, match="above 0"):
        FineTuning(steps=0)
