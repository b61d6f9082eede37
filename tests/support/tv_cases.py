"""Worlds for tests, and a slow, obviously right model of what they broadcast."""

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from wolfdog.tv import Channel, Pace, ShotLength, World, default_world

State = tuple[int, int, str, int]
"""Channel, pace, label, phase."""


def tiny_world() -> World:
    """Everything happens often: two channels, two paces, shots of two phases, a label on both channels."""
    return World(
        "tiny",
        channels=(
            Channel("one", 7, informative={"bear": 1}, filler={"wolf": 1, "unknown": 2}),
            Channel("two", 4, informative={"goldfish": 2, "bear": 0.5}, filler={"dog": 1, "unknown": 1}),
        ),
        paces=(Pace("fast", 0.6, mean_stay=9), Pace("slow", 0.1, mean_stay=5)),
        shot=ShotLength(3, 2),
        looks={"wolf": "canine", "dog": "canine"},
    )


def three_channels() -> World:
    """Channels that are landed on unequally, one of them never."""
    channels = [
        Channel(name, stay, informative={tell: 1}, filler={fill: 1, "unknown": 1}, weight=weight)
        for name, stay, tell, fill, weight in (
            ("a", 3, "bear", "wolf", 2), ("b", 6, "goldfish", "dog", 1), ("c", 5, "cat", "dog", 0),
        )
    ]  # fmt: skip
    return World(
        "three",
        tuple(channels),
        (Pace("only", 0.3, mean_stay=10),),
        shot=ShotLength(2, 1),
        looks={"wolf": "canine", "dog": "canine"},
    )


CASES = {"default": default_world, "tiny": tiny_world, "three": three_channels}

_weights = st.dictionaries(st.sampled_from(["wolf", "dog", "bear", "unknown"]), st.floats(0.1, 5), min_size=1)
small_worlds = st.builds(
    lambda channels, paces, shot: World("small", tuple(channels), tuple(paces), shot=shot),
    st.lists(
        st.builds(Channel, st.sampled_from("abc"), st.floats(1, 30), _weights, _weights, weight=st.floats(0.1, 3)),
        min_size=1, max_size=2, unique_by=lambda channel: channel.name,
    ),
    st.lists(
        st.builds(Pace, st.sampled_from("xy"), st.floats(0, 1), mean_stay=st.floats(4, 40)),
        min_size=1, max_size=2, unique_by=lambda pace: pace.name,
    ),
    st.sampled_from([ShotLength(1, 1), ShotLength(2.5, 1), ShotLength(3, 2), ShotLength(2, 2)]),
)  # fmt: skip


def following(world: World, state: State) -> Iterator[tuple[State, float]]:
    """Every state that can follow, once per way of getting there, with the probability of that way."""
    channel, pace, label, phase = state
    others = [i for i in range(len(world.channels)) if i != channel and world.channels[i].weight > 0]
    leave = 1 / world.channels[channel].mean_stay if others else 0.0
    ends = world.shot.phases / world.shot.mean
    weights = sum(world.channels[i].weight for i in others)
    for to in others:
        yield from _cut(world, to, pace, leave * world.channels[to].weight / weights)
    yield state, (1 - leave) * (1 - ends)
    if phase + 1 < world.shot.phases:
        yield (channel, pace, label, phase + 1), (1 - leave) * ends
    else:
        yield from _cut(world, channel, pace, (1 - leave) * ends)


def _cut(world: World, channel: int, pace: int, probability: float) -> Iterator[tuple[State, float]]:
    count = len(world.paces)
    change = world.shot.mean / world.paces[pace].mean_stay if count > 1 else 0.0
    for new in range(count):
        of_pace = 1 - change if new == pace else change / (count - 1)
        for label, share in world.shares(world.channels[channel], world.paces[new]).items():
            yield (channel, new, label, 0), probability * of_pace * share


def paths(
    world: World, initial: dict[State, float], frames: int
) -> Iterator[tuple[tuple[State, ...], float]]:
    """Every hidden path of `frames` states, with its probability; one with two ways to go comes twice."""
    stack = [((state,), probability) for state, probability in initial.items()]
    while stack:
        path, probability = stack.pop()
        if probability == 0:
            continue
        if len(path) == frames:
            yield path, probability
            continue
        stack += [((*path, state), probability * step) for state, step in following(world, path[-1])]


def brute_force(world: World, initial: dict[State, float], evidence: np.ndarray) -> np.ndarray:
    """p(label of the last frame | evidence [T, labels]) by summing over every hidden path, [labels]."""
    total = np.zeros(len(world.labels))
    index = {label: i for i, label in enumerate(world.labels)}
    for path, probability in paths(world, initial, len(evidence)):
        for t, state in enumerate(path):
            probability *= evidence[t, index[state[2]]]
        total[index[path[-1][2]]] += probability
    return total / total.sum()
