import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tolerances import assert_same
from watch_reels import CLASSES, busy_world, shown, single
from wolfdog.errors import InputError
from wolfdog.tv import Sampler
from wolfdog.watch.data.labelled_video import UNLABELLED
from wolfdog.watch.data.remixed_streams import RemixedStreams, denser
from wolfdog.watch.data.streams import Curriculum
from wolfdog.watch.data.video_streams import VideoStreams

WORLD = busy_world()
VIDEOS = shown(WORLD, 300, 2)
WOLF, DOG, BEAR, GOLDFISH, UNKNOWN = range(5)


def remixed(seed=0, streams=3, footage=VIDEOS, **options):
    return RemixedStreams(footage, CLASSES, WORLD, streams, seed, **options)


def unchanged(seed=0, streams=3, footage=VIDEOS, **options):
    return VideoStreams(footage, [UNKNOWN], streams, seed, **options)


def assert_same_chunk(actual, expected):
    assert_same(actual.events, expected.events)
    assert_same(actual.labels, expected.labels)
    assert_same(actual.resets, expected.resets)


def test_the_comparison_of_chunks_sees_a_difference():
    one = remixed().draw(5, 0.0)
    for name in ("events", "labels", "resets"):
        other = remixed().draw(5, 0.0)
        assert_same_chunk(other, one)
        part = getattr(other, name)
        part[0, 0] = ~part[0, 0] if part.dtype == torch.bool else part[0, 0] + 1
        with pytest.raises(AssertionError):
            assert_same_chunk(other, one)


def test_the_curriculum_goes_from_start_to_end_and_stays():
    curriculum = Curriculum(until=0.4, dense=0.3)
    steps = [curriculum.between(0.5, 0.015, progress) for progress in np.linspace(0, 0.4, 9)]
    assert steps[0] == 0.5
    ratios = [b / a for a, b in itertools.pairwise(steps)]
    np.testing.assert_allclose(ratios, ratios[0])
    for progress in (0.4, 0.7, 1.0):
        assert curriculum.between(0.5, 0.015, progress) == 0.015
    assert curriculum.between(0.5, 0.0, 0.0) == 0.5
    assert curriculum.between(0.5, 0.0, 0.1) == 0.0
    for wrong in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(InputError, match="until"):
            Curriculum(until=wrong)
        with pytest.raises(InputError, match="dense"):
            Curriculum(dense=wrong)


@pytest.mark.parametrize("make", [remixed, unchanged])
@given(
    before=st.lists(st.integers(1, 30), max_size=3),
    after=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    seed=st.integers(0, 99),
    progress=st.floats(0, 1),
)
def test_streams_go_on_exactly_where_they_were(make, before, after, seed, progress):
    first = make(seed)
    for length in before:
        first.draw(length, progress)
    state = json.loads(json.dumps(first.state_dict()))
    expected = [first.draw(length, progress) for length in after]
    again = make(seed)
    again.draw(7, 0.0)  # elsewhere, before it is told where to go on
    again.load_state_dict(state)
    for length, chunk in zip(after, expected, strict=True):
        assert_same_chunk(again.draw(length, progress), chunk)
    again.load_state_dict(state)  # and the state itself is not changed by drawing
    assert_same_chunk(again.draw(after[0], progress), expected[0])


@pytest.mark.parametrize("make", [remixed, unchanged])
def test_seeds_differ_and_a_seed_does_not(make):
    assert_same_chunk(make(1).draw(40, 0.5), make(1).draw(40, 0.5))
    with pytest.raises(AssertionError):
        assert_same_chunk(make(2).draw(40, 0.5), make(1).draw(40, 0.5))


@pytest.mark.parametrize("make", [remixed, unchanged])
@pytest.mark.parametrize("change", ["missing", "streams", "range", "kind"])
def test_a_state_that_does_not_fit_is_refused(make, change):
    state = make().state_dict()
    if change == "missing":
        del state["rng"]
    elif change == "streams":
        state = make(streams=4).state_dict()
    elif change == "range":
        state |= {"video": [99] * 3} if make is unchanged else {"shot": [[10**6, 3]] * 3}
    else:
        state = [1, 2]
    with pytest.raises(InputError, match="streams"):
        make().load_state_dict(state)


# RemixedStreams


def test_programmes_have_the_world_s_statistics():
    chunk = remixed(streams=400, deployment=50.0).draw(60, 1.0)
    other = Sampler(WORLD, 4000, seed=1).draw(60)
    for label in range(5):
        expected = (other.label == label).mean()
        assert (chunk.labels == label).float().mean() == pytest.approx(expected, abs=0.03)
    stays = (chunk.labels[1:] == chunk.labels[:-1]).float().mean()
    assert stays == pytest.approx((other.label[1:] == other.label[:-1]).mean(), abs=0.02)
    assert chunk.resets.float().mean() == pytest.approx(1 / 50, abs=0.004)
    assert chunk.events.shape == (60, 400, 6)
    assert chunk.labels.dtype == torch.int64


def test_every_frame_looks_like_its_label():
    chunk = remixed(streams=20).draw(100, 0.3)
    looks = [WORLD.look_names.index(WORLD.look(label)) for label in CLASSES]
    assert_same(chunk.events.argmax(-1), torch.tensor(looks)[chunk.labels])


def test_the_curriculum_begins_dense_and_ends_as_the_world_is():
    curriculum = Curriculum(until=0.5, dense=0.9)
    informative = [
        remixed(streams=300, curriculum=curriculum).draw(300, progress).labels[200:]
        for progress in (0.0, 0.5, 1.0)
    ]
    shares = [float(((labels == BEAR) | (labels == GOLDFISH)).float().mean()) for labels in informative]
    expected = [pace.informative_rate for pace in denser(WORLD, curriculum, 0.0).paces]
    assert expected == [0.9, 0.9]
    assert denser(WORLD, curriculum, 0.5) == denser(WORLD, curriculum, 1.0) == WORLD
    assert shares[0] == pytest.approx(0.9, abs=0.03)
    truth = Sampler(WORLD, 3000, seed=1).draw(100).informative.mean()
    assert shares[1] == pytest.approx(truth, abs=0.04)
    assert shares[2] == pytest.approx(truth, abs=0.04)


def test_a_world_denser_than_the_curriculum_stays_as_it_is():
    assert denser(WORLD, Curriculum(dense=0.01), 0.0) == WORLD


def frames_of(footage, label, **options):
    """The numbers of the videos' frames that a re-cut shows for a label."""
    chunk = remixed(footage=footage, streams=50, **options).draw(100, 0.0)
    return set(chunk.events[chunk.labels == label].flatten().int().tolist())


def test_shots_that_look_alike_stand_in_for_each_other_and_no_others():
    labels = [WOLF, WOLF, DOG, BEAR, GOLDFISH, UNKNOWN, UNLABELLED, DOG]
    spans = [0, 0, 1, 2, 3, 4, -1, 5]
    looks = ("canine", "canine", "bear", "goldfish", "unknown", "canine")
    footage = [single(labels, spans, looks=looks)]
    assert frames_of(footage, WOLF) == frames_of(footage, DOG) == {0, 1, 2, 7}
    assert frames_of(footage, BEAR) == {3}
    assert frames_of(footage, UNKNOWN) == {5}


def test_without_looks_a_label_is_shown_by_its_own_shots():
    footage = [single([WOLF, DOG, BEAR, GOLDFISH, UNKNOWN, WOLF])]
    assert frames_of(footage, WOLF) == {0, 5}
    assert frames_of(footage, DOG) == {1}


def test_a_shot_is_shown_whole_and_then_from_its_start():
    labels = np.repeat([WOLF, DOG, BEAR, GOLDFISH, UNKNOWN], 3)
    spans = np.repeat(np.arange(5), 3)
    chunk = remixed(footage=[single(labels, spans)], streams=30).draw(60, 1.0)
    same_shot = 0
    for stream in range(30):
        frames = chunk.events[:, stream, 0].int().tolist()
        for before, now in itertools.pairwise(frames):
            goes_on = now == before + 1 if before % 3 < 2 else now == before - 2
            assert goes_on or now % 3 == 0, "a shot begins at its first frame"
            same_shot += goes_on
    assert same_shot > 1000


@given(st.integers(0, 99), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_frames_are_those_of_a_loop_over_moments_and_streams(seed, lengths):
    labels = np.repeat([WOLF, DOG, BEAR, GOLDFISH, UNKNOWN, WOLF], [1, 2, 3, 1, 4, 2])
    footage = [single(labels, np.repeat(np.arange(6), [1, 2, 3, 1, 4, 2]))]
    shots = {WOLF: [(0, 1), (11, 2)], DOG: [(1, 2)], BEAR: [(3, 3)], GOLDFISH: [(6, 1)], UNKNOWN: [(7, 4)]}
    streams, sampler = remixed(seed, footage=footage), Sampler(WORLD, 3, seed=seed)
    rng, shown, numbers = np.random.default_rng([seed, 1]), [None] * 3, [-1] * 3
    for length in lengths:
        chunk = streams.draw(length, 1.0)
        programme = sampler.draw(length)
        for t in range(length):
            for stream in range(3):
                if programme.shot[t, stream] != numbers[stream]:
                    pool = shots[programme.label[t, stream]]
                    shown[stream] = pool[rng.integers(len(pool))]
                    numbers[stream] = programme.shot[t, stream]
                first, frames = shown[stream]
                assert chunk.events[t, stream, 0] == first + programme.age[t, stream] % frames
        rng.random((length, 3))  # of the resets


def test_footage_without_what_the_world_shows_is_refused():
    with pytest.raises(InputError, match="no labelled shot shows 'goldfish'"):
        remixed(footage=[single([WOLF, DOG, BEAR, UNKNOWN])])
    with pytest.raises(InputError, match="'unknown', which is not one of"):
        RemixedStreams(VIDEOS, CLASSES[:-1], WORLD, 3, 0)


# VideoStreams


def read(footage, streams, length, progress=1.0, chunks=1, **options):
    """For each reader its frames' numbers (the events) and its resets, [T] each."""
    source = unchanged(footage=footage, streams=streams, **options)
    drawn = [source.draw(length, progress) for _ in range(chunks)]
    events = torch.cat([chunk.events for chunk in drawn])[..., 0].int().T.tolist()
    resets = torch.cat([chunk.resets for chunk in drawn]).T.tolist()
    return list(zip(events, resets, strict=True))


def test_videos_are_read_in_order_to_their_end_and_then_another_from_its_start():
    labels = [WOLF, UNKNOWN, DOG, UNLABELLED, BEAR] * 4
    for events, resets in read([single(labels)], 5, 30, chunks=3):
        assert resets[0]
        for t in range(1, len(events)):
            if resets[t]:
                assert (events[t - 1], events[t]) == (len(labels) - 1, 0)
            else:
                assert events[t] == events[t - 1] + 1
        assert sum(resets) >= 4


def test_labels_belong_to_their_frames():
    labels = [WOLF, UNKNOWN, DOG, UNLABELLED, BEAR, WOLF, UNKNOWN]
    chunk = unchanged(footage=[single(labels)], streams=4).draw(50, 0.0)
    assert_same(chunk.labels, torch.tensor(labels)[chunk.events[..., 0].long()])


def test_uninformative_spans_are_thinned_early_and_never_late():
    spans = np.arange(120) // 3
    labels = np.where(spans % 4 == 0, WOLF, np.where(spans % 4 == 1, UNLABELLED, UNKNOWN))
    spans = np.where(labels == UNLABELLED, -1, spans)
    video = single(labels, spans)
    kept = {}
    for progress in (0.0, 0.25, 0.5):
        shown_spans = []
        for events, resets in read([video], 20, 800, progress, curriculum=Curriculum(until=0.5, dense=0.25)):
            # whole passes only, from a video's start to its end
            starts = [t for t, new in enumerate(resets) if new][1:]
            for start, stop in itertools.pairwise(starts):
                shown_spans += [events[t] // 3 for t in range(start, stop)]
                assert [events[t] for t in range(start, stop)] == sorted(events[start:stop])
        counts = np.bincount(shown_spans, minlength=40).astype(float)
        passes = counts[0]
        assert passes > 30
        assert (counts[::4] == passes).all(), "what tells is always kept"
        kept[progress] = counts[np.arange(40) % 4 != 0].mean() / passes
        assert set(counts % 3) == {0.0}, "a span is kept whole or not at all"
    assert kept[0.0] == pytest.approx(0.25, abs=0.03)
    assert kept[0.25] == pytest.approx(0.5, abs=0.03)
    assert kept[0.5] == 1.0


def test_readers_take_up_videos_by_their_length():
    footage = [single([WOLF] * 30, np.zeros(30, int)), single([DOG] * 10, np.zeros(10, int)), single([])]
    chunk = unchanged(footage=footage, streams=40).draw(300, 1.0)
    assert (chunk.labels == WOLF).float().mean() == pytest.approx(0.9, abs=0.03)  # 3 x 30 : 1 x 10


def test_no_footage_is_refused():
    for footage in ([], [single([])]):
        with pytest.raises(InputError, match="nothing to train on"):
            unchanged(footage=footage)
