import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tv_cases import CASES, brute_force, small_worlds
from wolfdog.errors import InputError, ShapeError, WorldError
from wolfdog.tv import IdealObserver, Sampler, default_world

FRAMES = {"default": 4, "tiny": 4, "three": 6}


def _initial(observer):
    """The stationary distribution, found by letting the chain run."""
    chain, world = observer.chain, observer.world
    p = np.full(len(chain.initial), 1 / len(chain.initial))
    lazy = (chain.transition + np.eye(len(p))) / 2  # the same stationary distribution, and never periodic
    for _ in range(30):
        lazy = lazy @ lazy
    p = p @ lazy
    columns = (chain.channel, chain.pace, chain.label, chain.phase)
    return {
        (int(c), int(q), world.labels[label], int(k)): float(mass)
        for c, q, label, k, mass in zip(*columns, p, strict=True)
    }


def _disagreement(observer, labels, evidence, frames):
    """The largest difference from summing over every hidden path; labels and evidence [T, N, labels]."""
    initial = _initial(observer)
    return max(
        np.abs(brute_force(observer.world, initial, evidence[: t + 1, n]) - labels[t, n]).max()
        for t in range(frames)
        for n in range(labels.shape[1])
    )


@pytest.mark.parametrize("name", CASES)
def test_a_perfect_eye_against_every_hidden_path(name):
    world = CASES[name]()
    observer = IdealObserver(world)
    programme = Sampler(world, streams=2, seed=5).draw(FRAMES[name])
    found = _disagreement(observer, observer.perfect(programme), observer.seen(programme), FRAMES[name])
    assert found < 1e-10


@pytest.mark.parametrize("name", CASES)
def test_a_given_eye_against_every_hidden_path(name):
    world = CASES[name]()
    observer = IdealObserver(world)
    rng = np.random.default_rng(0)
    frame_classifier = rng.dirichlet(np.ones(len(world.labels)), (FRAMES[name], 2))
    prior = rng.dirichlet(np.full(len(world.labels), 5.0))
    assert (
        _disagreement(
            observer,
            observer.given_classifier(frame_classifier, prior),
            frame_classifier / prior,
            FRAMES[name],
        )
        < 1e-10
    )


@given(small_worlds, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_any_small_world_against_every_hidden_path(world, seed):
    observer = IdealObserver(world)
    programme = Sampler(world, streams=1, seed=seed).draw(4)
    assert _disagreement(observer, observer.perfect(programme), observer.seen(programme), 4) < 1e-8


def test_a_corrupted_filter_is_noticed():
    world = CASES["tiny"]()
    observer = IdealObserver(world)
    evidence = np.random.default_rng(0).dirichlet(np.ones(len(world.labels)), (3, 1))
    labels = observer.filter(evidence).labels
    wrong = IdealObserver(world.with_(switch_every=5)).filter(evidence).labels
    assert _disagreement(observer, labels, evidence, 3) < 1e-10
    assert _disagreement(observer, wrong, evidence, 3) > 1e-3
    assert _disagreement(observer, np.roll(labels, 1, axis=0), evidence, 3) > 1e-3


def test_chunks_are_the_whole():
    world = default_world()
    observer = IdealObserver(world)
    evidence = observer.seen(Sampler(world, streams=4, seed=1).draw(90))
    whole = observer.filter(evidence)
    first = observer.filter(evidence[:37])
    nothing = observer.filter(evidence[37:37], first.state)
    second = observer.filter(evidence[37:], nothing.state)
    assert np.allclose(np.concatenate([first.labels, second.labels]), whole.labels, atol=1e-14)
    assert np.allclose(np.concatenate([first.channels, second.channels]), whole.channels, atol=1e-14)
    assert np.allclose(second.state, whole.state, atol=1e-14)


def test_beliefs_are_calibrated():
    """Of the canines that are wolves with a probability of 0.8, 0.8 are wolves; and so for each."""
    world = default_world().with_(switch_every=100, informative_rate=0.1)
    programme = Sampler(world, streams=2048, seed=8).draw(300)
    believed = IdealObserver(world).perfect(programme)[programme.ambiguous][:, 0]
    is_wolf = programme.label[programme.ambiguous] == 0
    places = np.digitize(believed, np.linspace(0, 1, 6)[1:-1])
    for place in range(5):
        there = places == place
        assert is_wolf[there].mean() == pytest.approx(believed[there].mean(), abs=0.02)


def test_channels_and_labels_agree():
    world = default_world()
    programme = Sampler(world, streams=8, seed=0).draw(400)
    observer = IdealObserver(world)
    belief = observer.filter(observer.seen(programme))
    assert np.allclose(belief.channels.sum(-1), 1)
    sure = programme.gap == 0
    assert np.all(belief.labels.argmax(-1)[sure] == programme.label[sure])
    assert np.all(belief.channels.argmax(-1)[sure] == programme.channel[sure])
    canine = programme.ambiguous
    assert np.allclose(belief.labels[canine][:, :2], belief.channels[canine])


def test_an_eye_that_rules_out_the_truth_does_not_break_the_filter():
    world = default_world()
    frame_classifier = np.zeros((6, 1, 5))
    frame_classifier[np.arange(6), 0, [2, 3, 2, 3, 2, 3]] = 1  # bear and goldfish frame by frame
    labels = IdealObserver(world).given_classifier(frame_classifier, np.full(5, 0.2))
    assert np.isfinite(labels).all()
    assert np.allclose(labels.sum(-1), 1)


def test_arguments_that_do_not_fit_are_refused():
    observer = IdealObserver(default_world())
    frame_classifier, prior = np.full((3, 2, 5), 0.2), np.full(5, 0.2)
    with pytest.raises(ShapeError, match="probabilities"):
        observer.given_classifier(frame_classifier[0], prior)
    with pytest.raises(ShapeError, match="prior"):
        observer.given_classifier(frame_classifier, prior[:4])
    with pytest.raises(InputError, match="above 0"):
        observer.given_classifier(frame_classifier, np.array([0, 0.25, 0.25, 0.25, 0.25]))
    with pytest.raises(InputError, match="NaN"):
        observer.given_classifier(frame_classifier * np.nan, prior)
    with pytest.raises(InputError, match="negative"):
        observer.given_classifier(-frame_classifier, prior)
    with pytest.raises(ShapeError, match="evidence"):
        observer.filter(frame_classifier[0])
    with pytest.raises(ShapeError, match="evidence"):
        observer.filter(frame_classifier, state=np.ones((1, 3)))
    with pytest.raises(WorldError, match="labels"):
        observer.perfect(Sampler(CASES["three"]()).draw(3))


def test_what_cannot_happen_in_the_world_is_said():
    world = CASES["tiny"]()
    never = np.zeros((2, 1, len(world.labels)))
    never[0, 0, 0] = 1
    with pytest.raises(WorldError, match="frame 1, stream 0"):
        IdealObserver(world).filter(never)


def _naive_by_shot(observer, evidence, cuts):
    """[T, labels], by summing over every path of hidden states that has these cuts; evidence [T, labels], cuts [T]."""
    chain = observer.chain
    states = range(len(chain.initial))
    rows = []
    for last in range(len(evidence)):
        starts = [t for t in range(last + 1) if cuts[t] or t == 0]
        ends = [*starts[1:], last + 1]
        weight = np.zeros(evidence.shape[1])
        for path in itertools.product(states, repeat=last + 1):
            mass = chain.initial[path[0]]
            for t in range(1, last + 1):
                here, there = path[t - 1], path[t]
                cut = chain.with_cut[here, there]
                mass *= cut if cuts[t] else chain.transition[here, there] - cut
            if mass == 0:
                continue
            for start, end in zip(starts, ends, strict=True):
                mass *= np.prod(evidence[start:end, chain.label[path[start]]]) ** (1 / (end - start))
            weight[chain.label[path[-1]]] += mass
        rows.append(weight / weight.sum())
    return np.array(rows)


@pytest.mark.parametrize("cuts", [[1, 0, 1], [0, 1, 0], [1, 0, 0]])
def test_an_eye_that_errs_by_the_shot_against_every_hidden_path(cuts):
    observer = IdealObserver(CASES["tiny"]())
    rng = np.random.default_rng(1)
    count = len(observer.world.labels)
    frame_classifier, prior = rng.dirichlet(np.ones(count), (3, 1)), rng.dirichlet(np.full(count, 5.0))
    marked = np.array(cuts, bool)
    labels = observer.given_classifier(frame_classifier, prior, cuts=marked[:, None])[:, 0]
    assert np.abs(labels - _naive_by_shot(observer, frame_classifier[:, 0] / prior, marked)).max() < 1e-10
    assert np.abs(labels - _naive_by_shot(observer, frame_classifier[:, 0] / prior, ~marked)).max() > 1e-3


def test_saying_a_thing_again_in_one_shot_is_no_news():
    world = default_world()
    observer = IdealObserver(world)
    told, doubtful = np.full(5, 0.01), np.full(5, 0.05)
    told[world.labels.index("bear")] = 0.96
    doubtful[world.labels.index("wolf")], doubtful[world.labels.index("dog")] = 0.35, 0.5
    frame_classifier = np.stack([told] * 6 + [doubtful] * 60)[:, None]
    cuts = np.isin(np.arange(66), [0, 6])[:, None]
    wolf, dog = world.labels.index("wolf"), world.labels.index("dog")
    one_witness = observer.given_classifier(frame_classifier, np.full(5, 0.2), cuts=cuts)[-1, 0]
    sixty = observer.given_classifier(frame_classifier, np.full(5, 0.2))[-1, 0]
    assert one_witness[wolf] > 5 * one_witness[dog]  # on the bear's word
    assert sixty[wolf] < sixty[dog] / 5
    with pytest.raises(ShapeError, match="cuts"):
        observer.given_classifier(frame_classifier, np.full(5, 0.2), cuts=cuts[:5])
