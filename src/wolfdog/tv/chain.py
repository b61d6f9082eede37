"""Exact hidden Markov chain of a world over (channel, pace, label, phase)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import WorldError
from wolfdog.tv.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STATES = 4096


@dataclass(frozen=True)
class Parts:
    """Probabilities that define the chain: C channels, P paces, L labels.

    Args:
        zap: [C], probability per frame that the viewer leaves the channel.
        to: [C, C], probability of each channel after a zap.
        cut: Probability per frame that a phase of a shot ends.
        phases: Number of phases of a shot.
        pace: [P, P], probability of the next pace at a cut.
        label: [C, P, L], probability of the label of a new shot.
    """

    zap: Floats
    to: Floats
    cut: float
    phases: int
    pace: Floats
    label: Floats

    @staticmethod
    def of(world: World) -> "Parts":
        """Parts of the chain of a world."""
        count = len(world.channels)
        weights = np.array([channel.weight for channel in world.channels])
        to = np.zeros((count, count))
        zap = np.zeros(count)
        for here, channel in enumerate(world.channels):
            elsewhere = np.where(np.arange(count) == here, 0.0, weights)
            if elsewhere.sum() > 0:
                zap[here] = 1 / channel.mean_stay
                to[here] = elsewhere / elsewhere.sum()
            else:  # the only channel there is to watch
                to[here, here] = 1.0
        paces = len(world.paces)
        pace = np.eye(paces)
        if paces > 1:
            for here, of_pace in enumerate(world.paces):
                leave = world.shot.mean / of_pace.mean_stay
                pace[here] = leave / (paces - 1)
                pace[here, here] = 1 - leave
        labels = world.labels
        label = np.zeros((count, paces, len(labels)))
        for i, channel in enumerate(world.channels):
            for j, of_pace in enumerate(world.paces):
                for name, share in world.shares(channel, of_pace).items():
                    label[i, j, labels.index(name)] = share
        return Parts(zap, to, world.shot.phases / world.shot.mean, world.shot.phases, pace, label)


@dataclass(frozen=True)
class Chain:
    """Hidden Markov chain of a world, frame by frame, with S states.

    In every frame the viewer may change the channel, with a cut. Otherwise the phase of the shot may end: the next
    phase follows, or after the last one a cut. At a cut the pace may change, and the label of the new shot is drawn
    from the channel's distribution at that pace.

    Args:
        channel: Channel of each state [S].
        pace: Pace of each state [S].
        label: Label of each state [S].
        phase: Phase of the shot in each state [S].
        transition: Probability of the next frame's state (column) given this frame's (row) [S, S].
        with_cut: Probability of the next frame's state and of a cut before it [S, S]; at most `transition`.
        initial: Stationary distribution [S]: initial @ transition == initial.

    Raises:
        WorldError: The world has more than 4096 states.

    Examples:
        >>> from wolfdog.tv.world import default_world
        >>> chain = Chain.of(default_world())
        >>> chain.transition.shape
        (54, 54)
        >>> bool(np.allclose(chain.initial @ chain.transition, chain.initial))
        True
    """

    channel: Ints
    pace: Ints
    label: Ints
    phase: Ints
    transition: Floats
    with_cut: Floats
    initial: Floats

    @staticmethod
    def of(world: World) -> "Chain":
        """Chain of `world`.

        Args:
            world: The world.

        Returns:
            The chain.

        Raises:
            WorldError: The world has more than 4096 states.
        """
        parts = Parts.of(world)
        channel, pace, label, phase = np.nonzero(np.repeat(parts.label[..., None] > 0, parts.phases, axis=-1))
        states = len(channel)
        if states > MOST_STATES:
            raise WorldError(
                f"world {world.name!r}: {states} states (channel, pace, label, phase); at most "
                f"{MOST_STATES} can be "
                "handled. Use fewer channels, paces, labels or phases."
            )
        first = phase == 0
        # fresh[s, s']: a new shot in s' after a cut in s, were the channel that of s'.
        fresh = parts.pace[pace][:, pace] * parts.label[channel, pace, label] * first
        here = channel[:, None] == channel
        same_shot = here & (pace[:, None] == pace) & (label[:, None] == label)
        on = phase[:, None] + 1 == phase
        last = phase == parts.phases - 1
        going_on = same_shot * np.eye(states) * (1 - parts.cut) + same_shot * on * parts.cut
        over = last[:, None] * here * fresh * parts.cut
        zap = parts.zap[channel][:, None]
        with_cut = (1 - zap) * over + zap * parts.to[channel][:, channel] * fresh
        transition = (1 - zap) * going_on + with_cut
        initial = _stationary(parts, channel, pace, label, phase)
        return Chain(channel, pace, label, phase, transition, with_cut, initial)


def _stationary(parts: Parts, channel: Ints, pace: Ints, label: Ints, phase: Ints) -> Floats:
    """Stationary distribution, [S].

    Cuts do not depend on the pace, so pace is independent of (channel, phase); the label of a shot is drawn
    at its cut from the channel and pace, which stay the same until the next cut. The distribution therefore factorises:
    p(channel, phase) p(pace) p(label | channel, pace).
    """
    count, phases = len(parts.zap), parts.phases
    joint = np.zeros((count, phases, count, phases))
    for c in range(count):
        for k in range(phases):
            joint[c, k, c, k] += (1 - parts.zap[c]) * (1 - parts.cut)
            joint[c, k, c, (k + 1) % phases] += (1 - parts.zap[c]) * parts.cut
            joint[c, k, :, 0] += parts.zap[c] * parts.to[c]
    of_channel = _fixed_point(joint.reshape(count * phases, -1)).reshape(count, phases)
    of_pace = _fixed_point(parts.pace)
    return of_channel[channel, phase] * of_pace[pace] * parts.label[channel, pace, label]


def _fixed_point(transition: Floats) -> Floats:
    """Distribution p with p @ transition == p and sum 1."""
    size = len(transition)
    equations = np.vstack([transition.T - np.eye(size), np.ones(size)])
    solution = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]
    probabilities: Floats = np.maximum(solution, 0) / np.maximum(solution, 0).sum()
    return probabilities
