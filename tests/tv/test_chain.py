import numpy as np
import pytest
from hypothesis import given, settings

from tv_cases import CASES, following, small_worlds
from wolfdog.errors import WorldError
from wolfdog.tv import Chain, Channel, Pace, ShotLength, World


def _states(world, chain):
    columns = (chain.channel, chain.pace, [world.labels[label] for label in chain.label], chain.phase)
    return [(int(c), int(p), label, int(k)) for c, p, label, k in zip(*columns, strict=True)]


def _disagreement(world, chain):
    """The largest difference between the chain's matrix and the rules, spelled out one by one."""
    states = _states(world, chain)
    index = {state: i for i, state in enumerate(states)}
    slow = np.zeros_like(chain.transition)
    for state in states:
        for new, probability in following(world, state):
            if probability > 0:
                slow[index[state], index[new]] += probability
    return np.abs(slow - chain.transition).max()


@pytest.mark.parametrize("name", CASES)
def test_the_matrix_is_the_rules(name):
    world = CASES[name]()
    assert _disagreement(world, Chain.of(world)) < 1e-12


@given(small_worlds)
@settings(max_examples=40, deadline=None)
def test_the_matrix_is_the_rules_in_any_small_world(world):
    chain = Chain.of(world)
    assert _disagreement(world, chain) < 1e-12
    assert np.allclose(chain.transition.sum(1), 1)
    assert np.isclose(chain.initial.sum(), 1)
    assert np.allclose(chain.initial @ chain.transition, chain.initial, atol=1e-10)


def test_a_wrong_matrix_is_noticed():
    world = CASES["tiny"]()
    assert _disagreement(world, Chain.of(world.with_(switch_every=8))) > 1e-3


def test_one_channel_is_never_left():
    world = World("lone", (Channel("a", 2, {"bear": 1}, {"unknown": 1}),), (Pace("p", 0.5, mean_stay=10),))
    chain = Chain.of(world)
    assert set(chain.channel) == {0}
    assert np.allclose(chain.transition.sum(1), 1)


def test_a_world_of_too_many_states_is_refused():
    labels = {str(i): 1.0 for i in range(60)}
    channels = tuple(Channel(str(i), 100, labels, labels) for i in range(20))
    with pytest.raises(WorldError, match="at most 4096"):
        Chain.of(World("huge", channels, (Pace("p", 0.5, mean_stay=100),), shot=ShotLength(16, 16)))
