"""Facts of an event world: hidden variables that cues inform about or change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from wolfdog.errors import WorldError
from wolfdog.tv.checks import check_names, check_number, short
from wolfdog.tv.events.automaton import Automaton, Ints

MOST_STATES = 4096
"""Largest number of states of a fact, and of the joint chain of an observer."""


class Fact(Protocol):
    """Hidden fact: what an ambiguous look means depends on it.

    Attributes:
        name: Name of the fact, and of its ambiguous look.
        labels: Labels of the ambiguous look.
        cue_names: Looks of its cues.
        states: Number of states of its chain.
    """

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def cue_names(self) -> tuple[str, ...]: ...

    @property
    def states(self) -> int: ...

    def automaton(self) -> Automaton:
        """Chain of the fact."""


class _Labelled:
    """Checks that all facts share."""

    name: str
    labels: tuple[str, ...]

    def _check(self, count: int | None = None) -> str:
        """Place of the fact in errors, after a check of its name and of its labels: `count`, or two or more."""
        check_names(self.name, where="a fact's name")
        where = f"fact {self.name!r}"
        labels: object = self.labels  # a world file may hold anything
        if not isinstance(labels, tuple | list):
            raise WorldError(f"{where}: labels: expected a list of labels, got {short(labels)}.")
        object.__setattr__(self, "labels", tuple(labels))
        check_names(*labels, where=f"{where}: labels")
        if len(labels) < 2 or len(labels) != (count or len(labels)):
            raise WorldError(
                f"{where}: expected {count or '2 or more'} labels, got {len(labels)}. Correct them."
            )
        return where


@dataclass(frozen=True)
class HiddenPair(_Labelled):
    """Hidden state that changes unseen; cues are likely in one state and less likely in another.

    Every frame the state changes with probability 1 / mean_stay, to each other state equally. With cues that occur in
    one state only, one cue decides; with others, evidence must be weighed and added up.

    Args:
        name: Name of the fact.
        labels: Label of each state.
        cues: Cue -> its weight in each state.
        mean_stay: Mean number of frames in a state.

    Raises:
        WorldError: A name or a number is invalid.

    Examples:
        >>> HiddenPair("canine", ("wolf", "dog"), {"bear": (0.8, 0.2), "goldfish": (0.2, 0.8)}, 500).cue_names
        ('bear', 'goldfish')
    """

    name: str
    labels: tuple[str, ...]
    cues: Mapping[str, tuple[float, ...]]
    mean_stay: float

    def __post_init__(self) -> None:
        where = self._check()
        if not isinstance(self.cues, Mapping) or not self.cues:
            raise WorldError(f"{where}: cues: expected cue -> weights, got {short(self.cues)}.")
        check_names(*self.cues, where=f"{where}: cues")
        object.__setattr__(self, "mean_stay", check_number(self.mean_stay, f"{where}: mean_stay", 1, 1e9))
        cues = {}
        for cue, weights in self.cues.items():
            if not isinstance(weights, list | tuple) or len(weights) != len(self.labels):
                raise WorldError(
                    f"{where}: cue {cue!r}: expected a weight for each of {len(self.labels)} labels, got "
                    f"{short(weights)}."
                )
            cues[cue] = tuple(check_number(weight, f"{where}: cue {cue!r}", 0, 1e6) for weight in weights)
        if not all(sum(column) > 0 for column in zip(*cues.values(), strict=True)):
            raise WorldError(f"{where}: a label has no cue of a weight above 0. Give it one.")
        object.__setattr__(self, "cues", cues)

    @property
    def cue_names(self) -> tuple[str, ...]:
        """Looks of the cues."""
        return tuple(self.cues)

    @property
    def states(self) -> int:
        """Number of states of the chain."""
        return len(self.labels)

    def automaton(self) -> Automaton:
        """Chain of the fact."""
        count = self.states
        elapse = np.full((count, count), 1 / (self.mean_stay * (count - 1)))
        np.fill_diagonal(elapse, 1 - 1 / self.mean_stay)
        weights = np.array(list(self.cues.values())).T
        return Automaton(
            elapse,
            weights / weights.sum(1, keepdims=True),
            np.tile(np.arange(count)[:, None], len(self.cues)),
            np.arange(count),
            np.full(count, 1 / count),
        )


@dataclass(frozen=True)
class LastCue(_Labelled):
    """State that is the last of several cues, which are all equally likely.

    Args:
        name: Name of the fact.
        labels: Label after each cue.
        cues: Looks of the cues, as many as labels.

    Raises:
        WorldError: A name is invalid, or the numbers of labels and cues differ.
    """

    name: str
    labels: tuple[str, ...]
    cues: tuple[str, ...]

    def __post_init__(self) -> None:
        where = self._check()
        cues: object = self.cues
        if not isinstance(cues, tuple | list):
            raise WorldError(f"{where}: cues: expected a list of looks, got {short(cues)}.")
        if len(cues) != len(self.labels):
            raise WorldError(
                f"{where}: cues: expected one for each of {len(self.labels)} labels, got {len(cues)}. Correct them."
            )
        check_names(*cues, where=f"{where}: cues")
        object.__setattr__(self, "cues", tuple(cues))

    @property
    def cue_names(self) -> tuple[str, ...]:
        """Looks of the cues."""
        return self.cues

    @property
    def states(self) -> int:
        """Number of states of the chain."""
        return len(self.cues)

    def automaton(self) -> Automaton:
        """Chain of the fact."""
        count = self.states
        return Automaton(
            np.eye(count),
            np.full((count, count), 1 / count),
            np.tile(np.arange(count), (count, 1)),
            np.arange(count),
            np.full(count, 1 / count),
        )


@dataclass(frozen=True)
class Parity(_Labelled):
    """Parity of the number of cues since the last reset.

    Args:
        name: Name of the fact.
        labels: Labels for an even and for an odd number.
        cue: Look that is counted.
        reset: Look that sets the number to zero.
        reset_share: Share of resets among the cues.

    Raises:
        WorldError: A name or a number is invalid.
    """

    name: str
    labels: tuple[str, ...]
    cue: str
    reset: str
    reset_share: float

    def __post_init__(self) -> None:
        where = self._check(2)
        check_names(self.cue, self.reset, where=f"{where}: cue and reset")
        share = check_number(self.reset_share, f"{where}: reset_share", 0, 1)
        object.__setattr__(self, "reset_share", share)

    @property
    def cue_names(self) -> tuple[str, ...]:
        """Looks of the cues."""
        return (self.cue, self.reset)

    @property
    def states(self) -> int:
        """Number of states of the chain."""
        return 2

    def automaton(self) -> Automaton:
        """Chain of the fact."""
        return _counter(np.array([1, 0]), np.array([0, 1]), self.reset_share)


@dataclass(frozen=True)
class AtLeast(_Labelled):
    """Whether at least `count` cues came since the last reset.

    Args:
        name: Name of the fact.
        labels: Labels for fewer cues, and for `count` or more.
        cue: Look that is counted.
        reset: Look that sets the number to zero.
        reset_share: Share of resets among the cues.
        count: Number of cues, 1 to 100.

    Raises:
        WorldError: A name or a number is invalid.
    """

    name: str
    labels: tuple[str, ...]
    cue: str
    reset: str
    reset_share: float
    count: int = 3

    def __post_init__(self) -> None:
        where = self._check(2)
        check_names(self.cue, self.reset, where=f"{where}: cue and reset")
        share = check_number(self.reset_share, f"{where}: reset_share", 0, 1)
        object.__setattr__(self, "reset_share", share)
        object.__setattr__(self, "count", _whole(self.count, f"{where}: count", 100))

    @property
    def cue_names(self) -> tuple[str, ...]:
        """Looks of the cues."""
        return (self.cue, self.reset)

    @property
    def states(self) -> int:
        """Number of states of the chain."""
        return self.count + 1

    def automaton(self) -> Automaton:
        """Chain of the fact."""
        states = np.arange(self.states)
        return _counter(
            np.minimum(states + 1, self.count), (states == self.count).astype(np.int64), self.reset_share
        )


@dataclass(frozen=True)
class Within(_Labelled):
    """Whether a cue came within the last `frames` frames.

    Args:
        name: Name of the fact.
        labels: Labels for a cue within that time, and for an older or no cue.
        cue: Look of the cue.
        frames: Number of frames, 1 to 4095.

    Raises:
        WorldError: A name or a number is invalid.
    """

    name: str
    labels: tuple[str, ...]
    cue: str
    frames: int

    def __post_init__(self) -> None:
        where = self._check(2)
        check_names(self.cue, where=f"{where}: cue")
        object.__setattr__(self, "frames", _whole(self.frames, f"{where}: frames", MOST_STATES - 1))

    @property
    def cue_names(self) -> tuple[str, ...]:
        """Looks of the cues."""
        return (self.cue,)

    @property
    def states(self) -> int:
        """Number of states of the chain."""
        return self.frames + 2

    def automaton(self) -> Automaton:
        """Chain of the fact; state s is that of s frames since the cue, the last one that of more than `frames`."""
        states = self.states
        age = np.arange(states)
        elapse = np.zeros((states, states))
        elapse[age, np.minimum(age + 1, states - 1)] = 1.0
        initial = np.zeros(states)
        initial[-1] = 1.0
        return Automaton(
            elapse,
            np.ones((states, 1)),
            np.zeros((states, 1), np.int64),
            (age > self.frames).astype(np.int64),
            initial,
        )


def _counter(following: Ints, label: Ints, reset_share: float) -> Automaton:
    """Chain of a number that a cue moves on and a reset sets to zero, known at the beginning to be zero."""
    states = len(following)
    initial = np.zeros(states)
    initial[0] = 1.0
    return Automaton(
        np.eye(states),
        np.tile([1 - reset_share, reset_share], (states, 1)),
        np.stack((following, np.zeros_like(following)), 1),
        label,
        initial,
    )


def _whole(value: Any, where: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise WorldError(
            f"{where}: expected a whole number from 1 to {most}, got {short(value)}. Correct it."
        )
    return value


KINDS: dict[str, type] = {
    "pair": HiddenPair,
    "last": LastCue,
    "parity": Parity,
    "at-least": AtLeast,
    "within": Within,
}
"""Facts by their kind in a world file."""
