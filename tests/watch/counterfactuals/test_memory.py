"""Recurrent memories as functions of frames give the numbers of their methods."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from wolfdog.watch.counterfactuals.frames import Frames
from wolfdog.watch.counterfactuals.memory import frames_memory
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing import METHODS, AnyClass
from wolfdog.watch.smoothing.method import Stream
from wolfdog.watch.world_memory.method import WorldMemory

CLASSES = ["wolf", "dog", "bear", "goldfish", "unknown"]


def stream(frames=7, seed=0, **columns):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(5, 0.4), frames)
    time = rng.exponential(3.0, frames).cumsum()
    return Stream(Predictions.from_columns(CLASSES, p, time=time, **columns))


@pytest.mark.parametrize(
    ("method", "ahead"), [(AnyClass(), False), (AnyClass(), True), (WorldMemory(), False)]
)
def test_frames_left_out_are_as_if_they_had_never_been(method, ahead):
    whole = stream(
        blank="unknown", spread=[0, 0.2, 0, 0.1, 0, 0, 0.3], confidence=[0.5, np.nan, 1, 0.9, 0.2, 1, 1]
    )
    memory = frames_memory(method, classes=whole.table.classes, blank=whole.table.blank_index)
    frames = Frames.of(whole)
    with torch.no_grad():
        same = memory.log_context(frames, ahead=ahead).exp()[:, 0].numpy()
        left_out = memory.log_context(frames.without(torch.arange(7)), ahead=ahead).exp().numpy()
    np.testing.assert_allclose(same, method.of_stream(whole, ahead=ahead), atol=2e-6)
    for at in range(7):
        rest = Stream(whole.table.take(np.delete(np.arange(7), at)))
        np.testing.assert_allclose(left_out[:, at], method.of_stream(rest, ahead=ahead), atol=2e-6)


@pytest.mark.parametrize("method", [AnyClass(), WorldMemory()])
def test_labels_that_are_known_are_certain_observations(method):
    whole = stream(spread=np.full(7, 0.1))
    memory = frames_memory(method, classes=whole.table.classes, blank=None)
    at, labels = torch.tensor([0, 3, 6]), torch.tensor([4, 0, 2])
    with torch.no_grad():
        variants = memory.log_context(Frames.of(whole).with_labels(at, labels), ahead=False).exp().numpy()
    for number, (frame, label) in enumerate(zip(at.tolist(), labels.tolist(), strict=True)):
        p, spread = whole.table.probabilities.copy(), whole.table.spread.copy()
        p[frame], spread[frame] = np.eye(5)[label], 0
        known = Stream(replace(whole.table, probabilities=p, spread=spread))
        np.testing.assert_allclose(variants[:, number], method.of_stream(known, ahead=False), atol=2e-6)


def test_frames_of_several_rows_are_their_means():
    p = np.array([[0.7, 0.3], [0.1, 0.9], [0.4, 0.6]])
    both = Predictions.from_columns(["wolf", "dog"], p, frame=[0, 0, 1], detection=[0, 1, 0], time=[0, 0, 1])
    frames = Frames.of(Stream(both))
    assert frames.p[:, 0].numpy() == pytest.approx(np.array([[0.4, 0.6], [0.4, 0.6]]))
    assert frames.top[:, 0].tolist() == [[1, 1], [0, 1]]
    assert frames.rows[:, 0].tolist() == [2, 1]
    assert frames.seconds[:, 0].tolist() == [0, 1]


def test_methods_without_states_have_no_such_form():
    assert frames_memory(METHODS["hmm"](), classes=("wolf", "dog"), blank=None) is None
