import itertools
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from watch_reels import CLASSES, busy_world, looked_at, shown, single
from wolfdog.errors import InputError
from wolfdog.tv import IdealObserver, Sampler
from wolfdog.watch.data.labelled_video import UNLABELLED
from wolfdog.watch.evaluation import observers
from wolfdog.watch.evaluation.metrics import GAPS, confusion, gap_since, gap_table, share
from wolfdog.watch.evaluation.observers import (
    IDEAL,
    IDEAL_GIVEN_CLASSIFIER,
    SNAPSHOT,
    ObserverPredictions,
    observe,
    remember,
)
from wolfdog.watch.evaluation.scores import Scores
from wolfdog.watch.model.context import Context
from wolfdog.watch.model.frame_classifier import FrameClassifier, calibrate

WORLD = busy_world()
E = 6


@given(st.lists(st.booleans(), max_size=40))
def test_gaps_are_counted_from_the_last_informative_frame(informative):
    expected, since = [], -1
    for is_informative in informative:
        since = 0 if is_informative else since + (since >= 0)
        expected.append(since)
    assert gap_since(np.array(informative, bool)).tolist() == expected


labels = st.integers(0, 2)
moments = st.lists(
    st.tuples(st.booleans(), st.integers(-1, 60), st.booleans(), labels | st.just(UNLABELLED), labels),
    max_size=60,
)


@given(moments)
def test_tables_agree_with_counting_one_by_one(rows):
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0, int)] * 5
    right, gap, ambiguous, truth, probabilities = columns
    buckets = ((1, 5), (5, 30), (30, 40))
    table = gap_table({"one": right.astype(bool)}, truth, gap, ambiguous.astype(bool), buckets)
    counted = np.zeros((3, 3), int)
    for _, _, _, true, given_label in rows:
        if true != UNLABELLED:
            counted[true, given_label] += 1
    assert confusion(truth, probabilities, 3).tolist() == counted.tolist()
    for number, (lo, hi) in enumerate(buckets):
        hits = [(true, hit) for hit, since, decides, true, _ in rows if decides and lo <= since < hi]
        assert table.counts[number] == len(hits)
        of_label = [[hit for true, hit in hits if true == label] for label in {true for true, _ in hits}]
        expected = sum(sum(some) / len(some) for some in of_label) / len(of_label) if hits else None
        assert table.accuracy["one"][number] == (None if expected is None else pytest.approx(expected))


def test_the_share_of_nothing_is_none():
    assert share(np.array([True, True]), np.array([False, False])) is None


def test_buckets_follow_one_another():
    assert GAPS[0][0] == 1
    assert all(before[1] == after[0] for before, after in itertools.pairwise(GAPS))


def seeing(noise=0.0):
    """A frame classifier that knows looks from their one-hot embeddings, and how sure it can be of a canine."""
    torch.manual_seed(0)
    frame_classifier = FrameClassifier(5, width=2, embedding=E).eval()
    footage = shown(WORLD, 2000, 2, seed=7, embedding=E, noise=noise)
    looks = [WORLD.look_names.index(WORLD.look(label)) for label in CLASSES]
    with torch.no_grad():
        frame_classifier.snapshot.weight.copy_(9 * torch.eye(E)[looks])
        frame_classifier.snapshot.bias.zero_()
    events = torch.from_numpy(np.concatenate([video.events for video in footage]))
    calibrate(frame_classifier, events, torch.from_numpy(np.concatenate([video.labels for video in footage])))
    return frame_classifier


@pytest.fixture(scope="module")
def programme():
    return Sampler(WORLD, 6, seed=11).draw(700)


@pytest.fixture(scope="module")
def judged(programme):
    torch.manual_seed(1)
    footage = looked_at(programme, embedding=E, noise=0.05)
    return observe(
        seeing(), {"gru": Context("gru", 5, embedding=E, hidden=4).eval()}, footage, CLASSES, WORLD
    )


def laid_end_to_end(values):
    """[T, N, ...] of a programme as predictions have it, [N T, ...]."""
    return np.concatenate([values[:, stream] for stream in range(values.shape[1])])


def test_truth_gap_and_ambiguity_are_the_programme_s(judged, programme):
    assert np.array_equal(judged.truth, laid_end_to_end(programme.label))
    assert np.array_equal(judged.gap, laid_end_to_end(programme.gap))
    assert np.array_equal(judged.ambiguous, laid_end_to_end(programme.ambiguous))


def test_the_ideal_observer_is_the_programme_s_own(judged, programme):
    expected = laid_end_to_end(IdealObserver(WORLD).perfect(programme))
    np.testing.assert_allclose(judged.probabilities[IDEAL], expected, atol=1e-12)


def test_the_ideal_observer_given_a_perfect_eye_is_nearly_the_ideal_one(judged):
    same = judged.probabilities[IDEAL].argmax(-1) == judged.probabilities[IDEAL_GIVEN_CLASSIFIER].argmax(-1)
    assert same.mean() > 0.95
    np.testing.assert_allclose(judged.probabilities[IDEAL_GIVEN_CLASSIFIER].sum(-1), 1, atol=1e-9)


def test_a_frame_alone_is_a_coin_on_what_is_ambiguous_and_right_on_the_rest(judged):
    right = judged.right()[SNAPSHOT]
    assert right[~judged.ambiguous].mean() > 0.99
    assert 0.35 < right[judged.ambiguous].mean() < 0.65


def test_nobody_beats_the_ideal_observer(judged):
    scores = Scores.of(judged)
    for name in (SNAPSHOT, "gru", IDEAL_GIVEN_CLASSIFIER):
        assert scores.ambiguous[name] < scores.ambiguous[IDEAL] + 0.02
    assert scores.ambiguous[IDEAL] > 0.85


def test_a_memory_that_copies_the_ideal_gets_the_ideal_s_row(judged):
    probabilities = judged.probabilities | {"copy": judged.probabilities[IDEAL].copy()}
    copied = ObserverPredictions(judged.classes, judged.truth, judged.gap, judged.ambiguous, probabilities)
    scores = Scores.of(copied, seed=3)
    assert scores.table.accuracy["copy"] == scores.table.accuracy[IDEAL]
    whole = scores.as_dict()
    assert whole["memories"]["copy"] == whole["ideal"]
    assert whole["memories"]["gru"] != whole["ideal"]
    # one label changed is seen
    at = int(np.flatnonzero(judged.ambiguous & (judged.gap > 0))[0])
    probabilities["copy"][at] = 1 - probabilities["copy"][at]
    assert Scores.of(copied).ambiguous["copy"] != scores.ambiguous[IDEAL]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 50))
def test_watching_side_by_side_is_watching_one_by_one(lengths, chunk):
    torch.manual_seed(0)
    context = Context("peephole-diagonal", 3, embedding=2, hidden=4)
    footage = [single(np.zeros(length), name=f"{n}.mp4") for n, length in enumerate(lengths)]
    rng = np.random.default_rng(0)
    footage = [replace(video, events=rng.standard_normal((len(video), 2)).astype("f")) for video in footage]
    for video, probabilities in zip(footage, remember(context, footage, chunk), strict=True):
        assert probabilities.shape == (len(video), 3)
        state = None
        for event, of_event in zip(video.events, probabilities, strict=True):
            with torch.no_grad():
                logits, state = context(torch.from_numpy(event)[None, None], state)
            np.testing.assert_allclose(of_event, logits[0, 0].double().softmax(-1), atol=1e-6)


def test_without_a_world_nothing_is_ambiguous():
    footage = [single([0, 1, UNLABELLED, 1])]
    frame_classifier = FrameClassifier(2, width=2, embedding=1).eval()
    judged = observe(frame_classifier, {}, footage, ("a", "b"), None)
    assert set(judged.probabilities) == {SNAPSHOT}
    assert not judged.ambiguous.any()
    assert judged.gap.tolist() == [-1] * 4
    assert not judged.right()[SNAPSHOT][2]


def test_classes_in_another_order_give_the_same(judged, programme):
    order = ("unknown", "goldfish", "dog", "bear", "wolf")
    back = [order.index(label) for label in CLASSES]
    footage = looked_at(programme, embedding=E, noise=0.05)
    moved = [replace(video, labels=np.array(back)[video.labels]) for video in footage]
    frame_classifier = seeing()
    frame_classifier.snapshot.weight.data = frame_classifier.snapshot.weight.data[np.argsort(back)]
    frame_classifier.snapshot.bias.data = frame_classifier.snapshot.bias.data[np.argsort(back)]
    frame_classifier.prior = frame_classifier.prior[np.argsort(back)]
    again = observe(frame_classifier, {}, moved, order, WORLD)
    for name in (IDEAL, IDEAL_GIVEN_CLASSIFIER, SNAPSHOT):
        np.testing.assert_allclose(again.probabilities[name][:, back], judged.probabilities[name], atol=1e-5)


def test_footage_that_the_ideal_observer_cannot_watch_is_refused():
    frame_classifier = seeing()
    footage = looked_at(Sampler(WORLD, 1, seed=0).draw(20), embedding=E)
    with pytest.raises(InputError, match="give the world that was broadcast"):
        observe(frame_classifier, {}, footage, (*CLASSES[:-1], "cat"), WORLD)
    footage[0].labels[3] = UNLABELLED
    with pytest.raises(InputError, match=r"tv-0000\.mp4: the ideal observer needs a label at every moment"):
        observe(frame_classifier, {}, footage, CLASSES, WORLD)


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 5000))
def test_videos_side_by_side_take_no_more_room_than_the_longest(lengths, small):
    with mock.patch.object(observers, "SMALL", small):
        groups = observers._side_by_side(lengths)
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) * max(lengths[number] for number in group) <= max(small, *lengths)


def test_many_short_videos_and_a_long_one_are_remembered_alike(monkeypatch):
    context = Context("gru", 3, embedding=2, hidden=4).eval()
    rng = np.random.default_rng(0)
    footage = [
        replace(single([0] * n, name=f"{n}.mp4"), events=rng.normal(size=(n, 2)).astype(np.float32))
        for n in (3, 90, 4, 5, 2, 3, 7)
    ]
    together = remember(context, footage)
    monkeypatch.setattr(observers, "SMALL", 1)
    for one, other in zip(together, remember(context, footage, chunk=8), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
