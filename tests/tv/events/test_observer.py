"""Ideal observer of event worlds against a sum over every hidden path."""

import itertools

import numpy as np
import pytest

from wolfdog.errors import WorldError
from wolfdog.tv.events import (
    AtLeast,
    Confusions,
    EventObserver,
    EventProgramme,
    EventSampler,
    EventWorld,
    HiddenPair,
    LastCue,
    Parity,
    Within,
    load_event_world,
)
from wolfdog.tv.schedule import Pace

PACES = (Pace("lively", 0.7, mean_stay=3), Pace("quiet", 0.3, mean_stay=5))
PAIR = HiddenPair("canine", ("wolf", "dog"), {"bear": (0.8, 0.3), "goldfish": (0.2, 0.7)}, 4)
FACTS = {
    "pair": PAIR,
    "last": LastCue("canine", ("wolf", "dog"), ("bear", "goldfish")),
    "parity": Parity("canine", ("wolf", "dog"), "bear", "zap", 0.3),
    "at-least": AtLeast("canine", ("wolf", "dog"), "bear", "zap", 0.3, count=2),
    "within": Within("canine", ("dog", "wolf"), "goldfish", 2),
}


def world_of(*facts, confused=False, mean_interval=1.0):
    world = EventWorld("tiny", facts, PACES, mean_interval=mean_interval)
    if not confused:
        return world
    rows = np.random.default_rng(0).dirichlet(np.ones(len(world.looks)), 3)
    return EventWorld(
        "tiny", facts, PACES, mean_interval=mean_interval, confusions=Confusions(world.looks, rows, "x.csv")
    )


def enumerated(world: EventWorld, programme: EventProgramme, stream: int, last: int) -> list[np.ndarray]:
    """Probabilities of each fact's label at event `last`, given that it is an ambiguous look of the fact.

    A sum over all paths of paces and states: every event is weighed by the probability of its look or its row.
    """
    chains = [fact.automaton() for fact in world.facts]
    looks = list(world.looks)
    found = [np.zeros(len(fact.labels)) for fact in world.facts]
    spaces = [range(len(world.paces)), *(range(len(chain.initial)) for chain in chains)]

    def shown(t: int, look: str) -> float:
        if world.confusions is None:
            return float(programme.look[t, stream] == looks.index(look))
        return float(world.confusions.likelihood[programme.row[t, stream], looks.index(look)])

    def outcomes(t, pace, states):
        """Looks that can be shown at event t, as (probability with that of what was seen, states after it)."""
        rate = world.paces[pace].informative_rate
        yield (1 - rate) * (1 - world.ambiguous_share) * shown(t, "unknown"), states
        for number, fact in enumerate(world.facts):
            yield (1 - rate) * world.ambiguous_share / len(chains) * shown(t, fact.name), states
            for kind, cue in enumerate(fact.cue_names):
                chance = rate / len(chains) * chains[number].cue[states[number], kind] * shown(t, cue)
                after = list(states)
                after[number] = int(chains[number].after[states[number], kind])
                yield chance, tuple(after)

    def walk(t, pace, states, weight):
        if weight == 0:
            return
        if t == last:
            for number, chain in enumerate(chains):
                asked = weight * (1 - world.paces[pace].informative_rate)
                found[number][chain.label[states[number]]] += asked
            return
        steps = [
            np.linalg.matrix_power(chain.elapse, int(programme.interval[t + 1, stream])) for chain in chains
        ]
        for chance, after in outcomes(t, pace, states):
            for following in itertools.product(*spaces):
                moved = world.pace_transition[pace, following[0]]
                for step, was, now in zip(steps, after, following[1:], strict=True):
                    moved *= step[was, now]
                walk(t + 1, following[0], following[1:], weight * chance * moved)

    for begin in itertools.product(*spaces):
        weight = world.pace_initial[begin[0]]
        for chain, state in zip(chains, begin[1:], strict=True):
            weight *= chain.initial[state]
        walk(0, begin[0], begin[1:], weight)
    return [part / part.sum() for part in found]


def disagreement(world: EventWorld, events: int, predicted=None) -> float:
    programme = EventSampler(world, streams=2, seed=3).draw(events)
    predicted = predicted or EventObserver(world).predict(programme)
    return max(
        float(np.abs(labels[t, stream] - expected).max())
        for stream in range(2)
        for t in range(events)
        for labels, expected in zip(predicted, enumerated(world, programme, stream, t), strict=True)
    )


@pytest.mark.parametrize("kind", FACTS)
@pytest.mark.parametrize("mean_interval", [1.0, 2.0])
def test_certain_looks_against_every_path(kind, mean_interval):
    assert disagreement(world_of(FACTS[kind], mean_interval=mean_interval), 5) < 1e-12


@pytest.mark.parametrize("kind", FACTS)
def test_confused_looks_against_every_path(kind):
    assert disagreement(world_of(FACTS[kind], confused=True, mean_interval=1.5), 3) < 1e-12


def test_several_facts_against_every_path():
    other = HiddenPair("feline", ("lynx", "cat"), {"cactus": (1, 0), "sofa": (0, 1)}, 6)
    assert disagreement(world_of(PAIR, other), 4) < 1e-12
    assert disagreement(world_of(PAIR, other, confused=True), 3) < 1e-12


def test_a_wrong_answer_is_seen():
    world = world_of(PAIR)
    programme = EventSampler(world, streams=2, seed=3).draw(4)
    (labels,) = EventObserver(world).predict(programme)
    assert disagreement(world, 4, (labels[..., ::-1],)) > 0.01


def test_factored_and_joint_filters_agree():
    """With a classifier that is always right, the joint chain gives what each fact alone gives."""
    sure = load_event_world("facts-2")
    rows = np.eye(len(sure.looks))
    confused = EventWorld(
        sure.name,
        sure.facts,
        sure.paces,
        ambiguous_share=sure.ambiguous_share,
        confusions=Confusions(sure.looks, rows, "x.csv"),
    )
    programme = EventSampler(confused, streams=3, seed=1, mean_length=50).draw(200)
    assert (programme.row == programme.look).all()
    for alone, joint in zip(
        EventObserver(sure).predict(programme), EventObserver(confused).predict(programme), strict=True
    ):
        np.testing.assert_allclose(alone, joint, atol=1e-10)


def test_the_observer_is_calibrated():
    """Labels occur as often as the observer says."""
    world = load_event_world("likely")
    programme = EventSampler(world, streams=64, seed=0, mean_length=300).draw(1000)
    (labels,) = EventObserver(world).predict(programme)
    judged = programme.judged
    right = (labels.argmax(-1) == programme.answer)[judged].mean()
    assert labels.max(-1)[judged].mean() == pytest.approx(right, abs=0.02)


def test_a_joint_chain_that_is_too_large_is_refused():
    facts = [Within(f"f{n}", (f"a{n}", f"b{n}"), f"c{n}", 100) for n in range(2)]
    with pytest.raises(WorldError, match="at most 4096"):
        EventObserver(world_of(*facts, confused=True))


def test_another_worlds_programme_is_refused():
    programme = EventSampler(load_event_world("parity"), seed=0).draw(5)
    with pytest.raises(WorldError, match="looks"):
        EventObserver(load_event_world("likely")).predict(programme)
