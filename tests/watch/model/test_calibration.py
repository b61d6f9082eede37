import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from wolfdog.watch.data.labelled_video import UNLABELLED
from wolfdog.watch.model.frame_classifier import FrameClassifier, calibrate

CLASSES = 4


def seeing(seed=0):
    """A frame classifier whose embeddings are its logits: what it says is known exactly."""
    torch.manual_seed(seed)
    frame_classifier = FrameClassifier(CLASSES, width=2, embedding=CLASSES).eval()
    with torch.no_grad():
        frame_classifier.snapshot.weight.copy_(torch.eye(CLASSES))
        frame_classifier.snapshot.bias.zero_()
    return frame_classifier


def overconfident(count, temperature, bias, seed=0):
    """Logits [N, CLASSES] said, and labels drawn from softmax(said / temperature + bias)."""
    torch.manual_seed(seed)
    said = 3 * temperature * torch.randn(count, CLASSES)
    labels = torch.multinomial((said / temperature + bias).softmax(-1), 1)[:, 0]
    return said, labels


def loss(frame_classifier, said, labels):
    with torch.no_grad():
        return float(F.cross_entropy(frame_classifier.snapshot(said), labels, ignore_index=UNLABELLED))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 10.0])
def test_a_known_temperature_and_bias_are_found(temperature):
    bias = torch.tensor([0.0, 1.0, -1.0, 0.5])
    frame_classifier = seeing()
    calibrate(frame_classifier, *overconfident(20_000, temperature, bias))
    torch.testing.assert_close(
        frame_classifier.snapshot.weight * temperature, torch.eye(CLASSES), atol=0.06, rtol=0
    )
    found = (
        frame_classifier.snapshot.bias - frame_classifier.snapshot.bias.mean()
    )  # a number added to all changes nothing
    torch.testing.assert_close(found, bias - bias.mean(), atol=0.1, rtol=0)


@settings(max_examples=12)
@given(st.integers(0, 1000), st.floats(0.3, 8.0))
def test_held_out_likelihood_gains(seed, temperature):
    bias = torch.linspace(-1, 1, CLASSES)
    frame_classifier = seeing()
    said, labels = overconfident(3000, temperature, bias, seed)
    held_out = overconfident(3000, temperature, bias, seed + 1)
    before = loss(frame_classifier, *held_out)
    calibrate(frame_classifier, said, labels)
    assert loss(frame_classifier, *held_out) < before
    # and what is left is near the loss of the probabilities that the labels were drawn from
    truth = F.cross_entropy(held_out[0] / temperature + bias, held_out[1])
    assert loss(frame_classifier, *held_out) < float(truth) + 0.02


def test_probabilities_become_frequencies():
    frame_classifier = seeing()
    calibrate(frame_classifier, *overconfident(20_000, 4.0, torch.tensor([1.0, 0.0, 0.0, -1.0])))
    said, labels = overconfident(20_000, 4.0, torch.tensor([1.0, 0.0, 0.0, -1.0]), seed=1)
    with torch.no_grad():
        probabilities, best = frame_classifier.snapshot(said).softmax(-1).max(-1)
    for lo, hi in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        among = (lo <= probabilities) & (probabilities < hi)
        right = (best == labels)[among].float().mean().item()
        assert right == pytest.approx(probabilities[among].mean().item(), abs=0.03)


def assert_sane(frame_classifier, said):
    with torch.no_grad():
        logits = frame_classifier.snapshot(said)
    assert logits.isfinite().all()
    assert frame_classifier.snapshot.weight[0, 0] > 0, "what it says most must stay what it says most"


def test_the_check_of_sanity_sees_nonsense():
    frame_classifier = seeing()
    said = torch.randn(5, CLASSES)
    assert_sane(frame_classifier, said)
    for weight in (torch.full((CLASSES, CLASSES), float("nan")), -torch.eye(CLASSES)):
        frame_classifier.snapshot.weight.data = weight
        with pytest.raises(AssertionError):
            assert_sane(frame_classifier, said)


def test_an_absent_class_stays_possible():
    said, labels = overconfident(2000, 2.0, torch.tensor([0.0, 0.0, 0.0, -100.0]))
    assert 3 not in labels
    frame_classifier = seeing()
    before = loss(frame_classifier, said, labels)
    calibrate(frame_classifier, said, labels)
    assert_sane(frame_classifier, said)
    assert loss(frame_classifier, said, labels) < before
    assert frame_classifier.snapshot(said).softmax(-1)[:, 3].max() > 1e-8


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_a_perfect_eye_stays_perfect(scale):
    labels = torch.arange(CLASSES).repeat(50)
    said = scale * F.one_hot(labels, CLASSES).float()
    frame_classifier = seeing()
    calibrate(frame_classifier, said, labels)
    assert_sane(frame_classifier, said)
    assert (frame_classifier.snapshot(said).argmax(-1) == labels).all()
    assert loss(frame_classifier, said, labels) < 0.05


def test_an_eye_that_is_always_wrong_is_not_turned_round():
    labels = torch.arange(CLASSES).repeat(50)
    said = 5 * F.one_hot((labels + 1) % CLASSES, CLASSES).float()
    frame_classifier = seeing()
    calibrate(frame_classifier, said, labels)
    assert_sane(frame_classifier, said)
    assert loss(frame_classifier, said, labels) < np.log(CLASSES) + 0.1  # as good as saying nothing


@given(st.integers(0, 6), st.integers(0, 99))
@example(5, 24)  # turned one class against itself before its own weight was bounded
def test_few_frames_do_no_harm(count, seed):
    said, labels = overconfident(count + 1, 2.0, torch.zeros(CLASSES), seed)
    said, labels = said[:count], labels[:count]
    frame_classifier = seeing()
    calibrate(frame_classifier, said, labels)
    assert_sane(frame_classifier, torch.randn(5, CLASSES))


def test_unlabelled_frames_are_left_out():
    said, labels = overconfident(500, 3.0, torch.zeros(CLASSES))
    one, other = seeing(), seeing()
    calibrate(one, said, labels)
    mixed = torch.cat((said, 100 * torch.randn(50, CLASSES)))
    calibrate(other, mixed, torch.cat((labels, torch.full((50,), UNLABELLED))))
    torch.testing.assert_close(other.snapshot.weight, one.snapshot.weight)
    torch.testing.assert_close(other.snapshot.bias, one.snapshot.bias)


def test_calibrating_twice_changes_nothing_more():
    said, labels = overconfident(3000, 5.0, torch.linspace(-1, 1, CLASSES))
    frame_classifier = seeing()
    calibrate(frame_classifier, said, labels)
    weight, bias = frame_classifier.snapshot.weight.clone(), frame_classifier.snapshot.bias.clone()
    calibrate(frame_classifier, said, labels)
    torch.testing.assert_close(frame_classifier.snapshot.weight, weight, rtol=0, atol=0.01)
    torch.testing.assert_close(frame_classifier.snapshot.bias, bias, rtol=0, atol=0.01)


def test_a_difference_learned_by_heart_is_unlearned():
    # The frame classifier is sure which of classes 0 and 1 it sees, and is right half of the time.
    labels = torch.randint(0, CLASSES, (8000,), generator=torch.Generator().manual_seed(2))
    said = 8.0 * F.one_hot(labels, CLASSES).float()
    alike = labels < 2
    swapped = alike & (torch.rand(8000, generator=torch.Generator().manual_seed(3)) < 0.5)
    said[swapped] = said[swapped][:, [1, 0, 2, 3]]
    frame_classifier = seeing()
    calibrate(frame_classifier, said, labels)
    with torch.no_grad():
        probabilities = frame_classifier.snapshot(said).softmax(-1)
    assert probabilities[alike][:, :2].min() > 0.45
    assert probabilities[~alike].amax(-1).min() > 0.99
