"""Labels picture by picture are those of whole videos; gates and evidence are those of the memory."""

import time

import av
import numpy as np
import pytest
import torch

from colour_classifier import ColourClassifier
from watch_watchers import frames, made
from wolfdog.watch.labelling.methods import load_method
from wolfdog.watch.live.classifier_steps import ClassifierSteps
from wolfdog.watch.live.evidence import verdict_of
from wolfdog.watch.live.gates import gates_of
from wolfdog.watch.live.history import LiveMoment
from wolfdog.watch.live.pictures import LivePicture
from wolfdog.watch.live.step_labeller import Past
from wolfdog.watch.live.watcher_steps import WatcherSteps
from wolfdog.watch.moments import Moment
from wolfdog.watch.predictions import Predictions
from wolfdog.watch.smoothing.method import Stream
from wolfdog.watch.video.decoding import Picture


def pictures(given):
    for frame in given:
        image = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
        picture = Picture(frame.index, frame.time, frame.time + 0.2, image)
        yield LivePicture(picture, time.monotonic())


def past_of(steps, fps=5.0):
    return Past(
        np.arange(len(steps)) / fps,
        np.stack([one.snapshot for one in steps]),
        [one.inside for one in steps],
    )


@pytest.mark.parametrize("memory", ["lstm", "attention", "lstm+attention", "none"])
def test_a_watcher_step_by_step(memory):
    watcher = made(memory)
    labeller = WatcherSteps(watcher, "small")
    labeller.warm_up()
    evidence = watcher.reach is not None
    expected = list(watcher.watch(frames(9), "a", evidence=evidence))
    found = [labeller.step(one) for one in pictures(frames(9))]
    for one, step in zip(expected, found, strict=True):
        np.testing.assert_allclose(step.snapshot, one.snapshot_probabilities, atol=1e-5)
        np.testing.assert_allclose(step.context, one.context_probabilities, atol=1e-5)
        assert [piece.time for piece in step.evidence] == pytest.approx(
            [piece.time for piece in one.evidence]
        )


@pytest.mark.parametrize("memory", ["lstm", "four-gate-lstm", "gru", "lstm+attention"])
def test_gates_are_those_of_the_whole_sequence(memory):
    watcher = made(memory)
    labeller = WatcherSteps(watcher, "small")
    steps = [labeller.step(one) for one in pictures(frames(8))]
    layer = watcher.context.memory.layer if memory == "lstm+attention" else watcher.context.memory
    whole = layer.activations(torch.stack([one.inside[0] for one in steps]))
    parts = [labeller.gates([one.inside for one in steps[part]]) for part in (slice(0, 3), slice(3, 8))]
    values = np.concatenate([part.values for part in parts])
    assert parts[0].names == ("learn", "forget", "remember", "use")
    names = ("z", "r") if memory == "gru" else ("f", "v" if memory == "four-gate-lstm" else "o")
    for panel, name in zip((1, 3), names, strict=True):
        np.testing.assert_allclose(values[:, panel], 255 * whole[name][:, 0].numpy(), atol=0.51)
    held = whole["stm" if memory == "gru" else "ltm"][:, 0]
    np.testing.assert_allclose(values[:, 2], (127.5 * (1 + held.tanh())).numpy(), atol=0.51)


def test_a_cell_without_gates_has_none():
    labeller = WatcherSteps(made("elman"), "small")
    assert labeller.gates([labeller.step(one).inside for one in pictures(frames(2))]) is None


def test_many_units_are_joined():
    import wolfdog as wd

    layer = wd.Recurrent(wd.cells.LSTMCell(2, 100))
    assert gates_of(layer, list(torch.randn(3, 1, 2)), None).values.shape == (3, 4, 48)


def test_losses_of_a_watcher_by_running_it_again():
    watcher = made("lstm")
    labeller = WatcherSteps(watcher, "small")
    steps = [labeller.step(one) for one in pictures(frames(12))]
    past = past_of(steps)
    part = Past(past.times[4:], past.snapshot[4:], past.inside[4:])
    x = torch.cat([embedding for embedding, _ in part.inside])[:, None]
    state = steps[4].inside[1]

    def odds(start):
        logits, _ = watcher.context(x[start:], state)
        return float(torch.logit(logits[-1, 0].softmax(-1)[1]))

    with torch.no_grad():
        expected = [odds(0) - odds(end) for end in (2, 5, 7)]
    assert labeller.losses(part, [2, 5, 7], 1) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("method", ["memory", "hmm"])
def test_a_classifier_step_by_step(method):
    classifier = ColourClassifier(16)
    smoothing = load_method(method, classifier.classes)
    labeller = ClassifierSteps(classifier, smoothing, 5.0)
    labeller.warm_up()
    steps = [labeller.step(one) for one in pictures(frames(10))]
    p = np.stack([one.snapshot for one in steps])
    table = Predictions.from_columns(classifier.classes, p, time=np.arange(10) / 5)
    context = smoothing.of_stream(Stream(table), ahead=False)
    context = context / context.sum(-1, keepdims=True)
    np.testing.assert_allclose(np.stack([one.context for one in steps]), context, atol=1e-5)
    assert labeller.losses(past_of(steps), [3], 0).shape == (1,)
    gates = labeller.gates([one.inside for one in steps])
    assert (gates is None) == (method == "hmm")
    if gates is not None:
        assert gates.values.shape == (10, 3, 3)


class Known:
    """Labeller whose memory rests on moments before an end."""

    classes = ("wolf", "dog", "bear", "unknown")

    def __init__(self, nats):
        self.nats = nats

    def losses(self, past, ends, label):
        return np.array([sum(nats for start, nats in self.nats.items() if end > start) for end in ends])


def told(labels, *, context="wolf", sure=0.9):
    """Moments, five a second, with these snapshot labels."""
    classes = Known.classes
    for number, label in enumerate(labels):
        p = np.full(4, 0.02)
        p[classes.index(label)] = 0.94
        q = np.full(4, (1 - sure) / 3)
        q[classes.index(context)] = sure
        yield LiveMoment(number, number / 5, 0.0, Moment("a", number, number / 5, label, context, p, q))


def test_the_moment_that_a_label_rests_on():
    labels = ["dog"] * 5 + ["unknown"] * 20 + ["bear"] * 5 + ["unknown"] * 50 + ["dog"] * 2
    verdict = verdict_of(Known({29: 3.5, 4: 0.2}), list(told(labels)))
    assert (verdict.label, verdict.attention) == ("wolf", False)
    assert [(one.label, one.weight) for one in verdict.past] == [("bear", 3.5), ("dog", pytest.approx(0.2))]
    assert 25 <= verdict.past[0].number < 30
    assert verdict.past[0].ago == pytest.approx((81 - verdict.past[0].number) / 5)


def test_what_is_sure_without_its_past_rests_on_nothing():
    labels = ["bear"] * 5 + ["unknown"] * 5 + ["dog"]
    assert verdict_of(Known({4: 1.0}), list(told(labels, sure=0.999))).past == ()
    assert verdict_of(Known({4: 5.0}), list(told(labels, sure=0.999))).past[0].label == "bear"
    assert verdict_of(Known({4: 5.0}), list(told(labels, context="unknown"))).past == ()
    assert verdict_of(Known({}), []) is None


def test_attention_says_itself_what_it_looked_at():
    labeller = WatcherSteps(made("attention"), "small")
    moments = []
    for number, picture in enumerate(pictures(frames(30))):
        step = labeller.step(picture)
        seconds = picture.picture.time
        one = Moment("a", number, seconds, "dog", "wolf", step.snapshot, step.context, evidence=step.evidence)
        moments.append(LiveMoment(number, seconds, 0.0, one))
    verdict = verdict_of(labeller, moments)
    assert verdict.attention
    assert 0 < sum(one.weight for one in verdict.past) <= 1
    for one in verdict.past:
        assert one.ago == pytest.approx((29 - one.number) / 5)
