import dataclasses
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tv_cases import CASES, tiny_world
from wolfdog.errors import InputError, WorldError
from wolfdog.tv import Chain, Pace, Sampler, default_world

ARRAYS = ("channel", "pace", "label", "shot", "age", "gap", "look", "ambiguous", "informative")


def _joined(parts):
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(1, 3), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_chunks_are_the_whole(sizes, streams, seed):
    in_parts = Sampler(tiny_world(), streams, seed=seed)
    parts = _joined([in_parts.draw(size) for size in sizes])
    whole = Sampler(tiny_world(), streams, seed=seed).draw(sum(sizes))
    for name in ARRAYS:
        assert np.array_equal(parts[name], getattr(whole, name)), name


def _surprise(world, chain, streams=256, frames=400):
    """How far steps are from `chain`: the largest distance of a count from its mean, in sigmas."""
    sampler = Sampler(world, streams, seed=4)
    index = {
        state: i
        for i, state in enumerate(zip(chain.channel, chain.pace, chain.label, chain.phase, strict=True))
    }
    hidden = []
    for _ in range(frames):
        place = sampler.state_dict()["place"]
        columns = (place[name] for name in ("channel", "pace", "label", "phase"))
        hidden.append([index[state] for state in zip(*columns, strict=True)])
        sampler.draw(1)
    states = np.array(hidden)
    counts = np.zeros_like(chain.transition)
    np.add.at(counts, (states[:-1], states[1:]), 1)
    visits = counts.sum(1, keepdims=True)
    sigma = np.sqrt(visits * chain.transition * (1 - chain.transition))
    distance = np.abs(counts - visits * chain.transition)
    impossible = (chain.transition == 0) & (counts > 0)
    often = visits * chain.transition > 5
    return np.inf if impossible.any() else (distance[often] / np.maximum(sigma[often], 1)).max()


def _hurried(name):
    world = CASES[name]()
    paces = tuple(dataclasses.replace(pace, mean_stay=20) for pace in world.paces)
    return dataclasses.replace(world.with_(switch_every=40), paces=paces)  # everything happens often


@pytest.mark.parametrize("name", CASES)
def test_steps_are_as_frequent_as_the_chain_says(name):
    for world in (CASES[name](), _hurried(name)):
        assert _surprise(world, Chain.of(world)) < 5


@pytest.mark.parametrize("change", [{"switch_every": 25}, {"informative_rate": 0.2}, {"shot_length": 9}])
def test_wrong_frequencies_are_noticed(change):
    world = _hurried("default").with_(informative_rate=0.32)
    assert _surprise(world, Chain.of(world)) < 5
    assert _surprise(world, Chain.of(world.with_(**change))) > 5


def test_lengths_of_shots_are_sums_of_geometric_phases():
    world = default_world().with_(switch_every=1e9)
    programme = Sampler(world, streams=64, seed=0).draw(4000)
    lengths = [shot.stop - shot.start for n in range(64) for shot in programme.shots(n)[1:-1]]
    assert min(lengths) == world.shot.phases
    assert np.mean(lengths) == pytest.approx(world.shot.mean, rel=0.02)
    ends = world.shot.phases / world.shot.mean
    assert np.var(lengths) == pytest.approx(world.shot.phases * (1 - ends) / ends**2, rel=0.05)


def test_a_zap_cuts():
    programme = Sampler(tiny_world(), streams=8, seed=0).draw(400)
    zapped = programme.channel[1:] != programme.channel[:-1]
    assert zapped.any()
    assert np.all(programme.shot[1:][zapped] == programme.shot[:-1][zapped] + 1)
    assert np.all(programme.age[1:][zapped] == 0)


def test_a_state_goes_through_json_and_goes_on():
    sampler = Sampler(tiny_world(), streams=5, seed=3)
    sampler.draw(37)
    saved = json.loads(json.dumps(sampler.state_dict()))
    other = Sampler(tiny_world(), streams=5, seed=99)
    other.load_state_dict(saved)
    one, two = sampler.draw(50), other.draw(50)
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("place"),
        lambda state: state["place"].pop("gap"),
        lambda state: state["place"].update(label=[0]),
        lambda state: state["place"].update(label=[99, 0]),
        lambda state: state["place"].update(label=["a", "b"]),
        lambda state: state.update(rng={"bit_generator": "MT19937"}),
        lambda state: state.update(place=None),
    ],
)
def test_a_spoilt_state_is_refused_and_changes_nothing(spoil):
    sampler, twin = (Sampler(tiny_world(), streams=2, seed=1) for _ in range(2))
    state = sampler.state_dict()
    spoil(state)
    with pytest.raises(InputError, match="state"):
        sampler.load_state_dict(state)
    assert np.array_equal(sampler.draw(20).label, twin.draw(20).label)


def test_the_world_may_change_between_draws():
    sampler = Sampler(default_world(), streams=64, seed=0)
    sampler.draw(50)
    sampler.world = default_world().with_(informative_rate=0.9)
    assert sampler.draw(300).informative[100:].mean() > 0.8
    sampler.world = dataclasses.replace(default_world(), paces=(Pace("never", 0, mean_stay=100),))
    assert not sampler.draw(300).informative[100:].any()
    sampler.world = default_world()
    assert sampler.draw(3000).informative.any()


def test_another_world_is_refused():
    sampler = Sampler(default_world())
    with pytest.raises(WorldError, match="the same labels"):
        sampler.world = CASES["three"]()
    renamed = dataclasses.replace(default_world().channels[0], name="Wild")
    with pytest.raises(WorldError, match="the same channels"):
        sampler.world = dataclasses.replace(default_world(), channels=(renamed, default_world().channels[1]))


@pytest.mark.parametrize("arguments", [{"streams": 0}, {"seed": -1}])
def test_arguments_that_cannot_be_used_are_refused(arguments):
    with pytest.raises(InputError):
        Sampler(default_world(), **arguments)
    with pytest.raises(InputError):
        Sampler(default_world()).draw(-1)


def test_drawing_is_fast():
    sampler = Sampler(default_world(), streams=64, seed=0)
    best = min(_seconds(sampler) for _ in range(5))
    assert best < 0.1  # about 4 ms when the machine has nothing else to do


def _seconds(sampler):
    start = time.process_time()  # what others on the machine do does not count
    sampler.draw(64)
    return time.process_time() - start
