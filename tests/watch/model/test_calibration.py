import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from wolfdog.watch.data.labelled_video import UNLABELLED
from wolfdog.watch.model.frame_classifier import Eye, calibrate

CLASSES = 4


def seeing(seed=0):
    """An eye whose embeddings are its logits: what it says is known exactly."""
    torch.manual_seed(seed)
    eye = Eye(CLASSES, width=2, embedding=CLASSES).eval()
    with torch.no_grad():
        eye.snapshot.weight.copy_(torch.eye(CLASSES))
        eye.snapshot.bias.zero_()
    return eye


def overconfident(count, temperature, bias, seed=0):
    """Logits [N, CLASSES] said, and labels drawn from softmax(said / temperature + bias)."""
    torch.manual_seed(seed)
    said = 3 * temperature * torch.randn(count, CLASSES)
    labels = torch.multinomial((said / temperature + bias).softmax(-1), 1)[:, 0]
    return said, labels


def loss(eye, said, labels):
    with torch.no_grad():
        return float(F.cross_entropy(eye.snapshot(said), labels, ignore_index=UNLABELLED))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 10.0])
def test_a_known_temperature_and_bias_are_found(temperature):
    bias = torch.tensor([0.0, 1.0, -1.0, 0.5])
    eye = seeing()
    calibrate(eye, *overconfident(20_000, temperature, bias))
    torch.testing.assert_close(eye.snapshot.weight * temperature, torch.eye(CLASSES), atol=0.06, rtol=0)
    found = eye.snapshot.bias - eye.snapshot.bias.mean()  # a number added to all changes nothing
    torch.testing.assert_close(found, bias - bias.mean(), atol=0.1, rtol=0)


@given(st.integers(0, 1000), st.floats(0.3, 8.0))
def test_held_out_likelihood_gains(seed, temperature):
    bias = torch.linspace(-1, 1, CLASSES)
    eye = seeing()
    said, labels = overconfident(3000, temperature, bias, seed)
    held_out = overconfident(3000, temperature, bias, seed + 1)
    before = loss(eye, *held_out)
    calibrate(eye, said, labels)
    assert loss(eye, *held_out) < before
    # and what is left is near the loss of the probabilities that the labels were drawn from
    truth = F.cross_entropy(held_out[0] / temperature + bias, held_out[1])
    assert loss(eye, *held_out) < float(truth) + 0.02


def test_probabilities_become_frequencies():
    eye = seeing()
    calibrate(eye, *overconfident(20_000, 4.0, torch.tensor([1.0, 0.0, 0.0, -1.0])))
    said, labels = overconfident(20_000, 4.0, torch.tensor([1.0, 0.0, 0.0, -1.0]), seed=1)
    with torch.no_grad():
        probabilities, best = eye.snapshot(said).softmax(-1).max(-1)
    for lo, hi in ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        among = (lo <= probabilities) & (probabilities < hi)
        right = (best == labels)[among].float().mean().item()
        assert right == pytest.approx(probabilities[among].mean().item(), abs=0.03)


def assert_sane(eye, said):
    with torch.no_grad():
        logits = eye.snapshot(said)
    assert logits.isfinite().all()
    assert eye.snapshot.weight[0, 0] > 0, "what it says most must stay what it says most"


def test_the_check_of_sanity_sees_nonsense():
    eye = seeing()
    said = torch.randn(5, CLASSES)
    assert_sane(eye, said)
    for weight in (torch.full((CLASSES, CLASSES), float("nan")), -torch.eye(CLASSES)):
        eye.snapshot.weight.data = weight
        with pytest.raises(AssertionError):
            assert_sane(eye, said)


def test_an_absent_class_stays_possible():
    said, labels = overconfident(2000, 2.0, torch.tensor([0.0, 0.0, 0.0, -100.0]))
    assert 3 not in labels
    eye = seeing()
    before = loss(eye, said, labels)
    calibrate(eye, said, labels)
    assert_sane(eye, said)
    assert loss(eye, said, labels) < before
    assert eye.snapshot(said).softmax(-1)[:, 3].max() > 1e-8


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_a_perfect_eye_stays_perfect(scale):
    labels = torch.arange(CLASSES).repeat(50)
    said = scale * F.one_hot(labels, CLASSES).float()
    eye = seeing()
    calibrate(eye, said, labels)
    assert_sane(eye, said)
    assert (eye.snapshot(said).argmax(-1) == labels).all()
    assert loss(eye, said, labels) < 0.05


def test_an_eye_that_is_always_wrong_is_not_turned_round():
    labels = torch.arange(CLASSES).repeat(50)
    said = 5 * F.one_hot((labels + 1) % CLASSES, CLASSES).float()
    eye = seeing()
    calibrate(eye, said, labels)
    assert_sane(eye, said)
    assert loss(eye, said, labels) < np.log(CLASSES) + 0.1  # as good as saying nothing


@given(st.integers(0, 6), st.integers(0, 99))
def test_few_frames_do_no_harm(count, seed):
    said, labels = overconfident(count + 1, 2.0, torch.zeros(CLASSES), seed)
    said, labels = said[:count], labels[:count]
    eye = seeing()
    calibrate(eye, said, labels)
    assert_sane(eye, torch.randn(5, CLASSES))


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
    eye = seeing()
    calibrate(eye, said, labels)
    weight, bias = eye.snapshot.weight.clone(), eye.snapshot.bias.clone()
    calibrate(eye, said, labels)
    torch.testing.assert_close(eye.snapshot.weight, weight, rtol=0, atol=0.01)
    torch.testing.assert_close(eye.snapshot.bias, bias, rtol=0, atol=0.01)


def test_a_difference_learned_by_heart_is_unlearned():
    # The eye is sure which of classes 0 and 1 it sees, and is right half of the time.
    labels = torch.randint(0, CLASSES, (8000,), generator=torch.Generator().manual_seed(2))
    said = 8.0 * F.one_hot(labels, CLASSES).float()
    alike = labels < 2
    swapped = alike & (torch.rand(8000, generator=torch.Generator().manual_seed(3)) < 0.5)
    said[swapped] = said[swapped][:, [1, 0, 2, 3]]
    eye = seeing()
    calibrate(eye, said, labels)
    with torch.no_grad():
        probabilities = eye.snapshot(said).softmax(-1)
    assert probabilities[alike][:, :2].min() > 0.45
    assert probabilities[~alike].amax(-1).min() > 0.99
