"""Event world: hidden facts, and the frequency and times of the events that inform about them."""

import dataclasses
import hashlib
import math
from dataclasses import dataclass, field

import numpy as np

from wolfdog.errors import WorldError
from wolfdog.tv.checks import check_names, check_number
from wolfdog.tv.events.automaton import Floats
from wolfdog.tv.events.confusions import Confusions
from wolfdog.tv.events.facts import MOST_STATES, Fact
from wolfdog.tv.schedule import Pace

MOST_FACTS, MOST_PACES = 16, 8
OTHER = "unknown"
LONGEST_INTERVAL = 64
"""Longest time between two events of a world with uneven times, in frames."""
MOST_NUMBERS = 40_000_000
"""Largest number of transition probabilities of all facts: for each interval, and for each cue."""


@dataclass(frozen=True)
class EventWorld:
    """World of single events, each with one look, about facts that are independent of each other.

    At every event one look is shown: with probability `informative_rate` of the current pace a cue of a fact, drawn
    uniformly among the facts; otherwise with probability `ambiguous_share` the ambiguous look of a fact, drawn
    uniformly; otherwise the look "unknown". The pace changes with probability 1 / mean_stay per event, independently of
    the facts.

    Args:
        name: Name of the world.
        facts: Facts, one or more.
        paces: Paces, one or more.
        fps: Frames per second.
        ambiguous_share: Share of ambiguous looks among the events without a cue.
        mean_interval: Mean number of frames from one event to the next; above 1, intervals are geometric and at most 64
            frames.
        confusions: Probabilities of a frame classifier, which are shown in place of looks; None: looks are certain.

    Raises:
        WorldError: The parts contradict each other, or the chains of the facts are too large.

    Examples:
        >>> from wolfdog.tv.events import load_event_world
        >>> world = load_event_world("likely")
        >>> world.looks
        ('canine', 'bear', 'goldfish', 'heron', 'unknown')
        >>> world.facts[0].labels
        ('wolf', 'dog')
    """

    name: str
    facts: tuple[Fact, ...]
    paces: tuple[Pace, ...]
    fps: float = field(default=5.0, kw_only=True)
    ambiguous_share: float = field(default=0.3, kw_only=True)
    mean_interval: float = field(default=1.0, kw_only=True)
    confusions: Confusions | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_names(self.name, where="the world's name")
        object.__setattr__(self, "facts", tuple(self.facts))
        object.__setattr__(self, "paces", tuple(self.paces))
        for what, count, most in (
            ("facts", len(self.facts), MOST_FACTS),
            ("paces", len(self.paces), MOST_PACES),
        ):
            if not 1 <= count <= most:
                raise WorldError(f"{what}: expected 1 to {most}, got {count}. Add or remove some.")
        check_names(*(pace.name for pace in self.paces), where="paces")
        check_names(*self.looks, where="looks of facts, cues and fillers")
        check_names(*self.answers, where="labels of facts")
        for name, low, high in (
            ("fps", 0.1, 240),
            ("ambiguous_share", 1e-6, 1),
            ("mean_interval", 1, LONGEST_INTERVAL / 4),
        ):
            object.__setattr__(self, name, check_number(getattr(self, name), name, low, high))
        if self.confusions is not None and self.confusions.looks != self.looks:
            raise WorldError(
                f"confusions: expected the looks {', '.join(self.looks)}, got {', '.join(self.confusions.looks)}."
            )
        self._check_size()

    def _check_size(self) -> None:
        """Check that sampler and observer can hold the chains of the facts.

        Raises:
            WorldError: They are too large.
        """
        intervals = len(self.intervals)
        numbers = sum((intervals + len(fact.cue_names)) * fact.states**2 for fact in self.facts)
        if numbers > MOST_NUMBERS:
            largest = max(self.facts, key=lambda fact: fact.states)
            times = f" and {intervals} intervals between events" if self.uneven else ""
            raise WorldError(
                f"fact {largest.name!r}: its {largest.states} states{times} are too many: the facts together have "
                f"{numbers:,} transition probabilities, at most {MOST_NUMBERS:,} can be handled. Use fewer frames, "
                "labels or cues, or mean_interval = 1."
            )
        states = len(self.paces) * math.prod(fact.states for fact in self.facts)
        if self.confusions is not None and states > MOST_STATES:
            raise WorldError(
                f"with confused looks, facts and paces together have {states} states; at most {MOST_STATES} can be "
                "handled. Use fewer facts or paces, or leave the confusions out."
            )

    @property
    def looks(self) -> tuple[str, ...]:
        """All looks: of each fact its ambiguous look and its cues, and "unknown" last."""
        return (*(look for fact in self.facts for look in (fact.name, *fact.cue_names)), OTHER)

    @property
    def answers(self) -> tuple[str, ...]:
        """Labels of all facts, in their order."""
        return tuple(label for fact in self.facts for label in fact.labels)

    @property
    def uneven(self) -> bool:
        """Whether the times between events differ."""
        return self.mean_interval > 1

    @property
    def intervals(self) -> Floats:
        """Probability of each interval from 1 frame up [D]."""
        if not self.uneven:
            return np.ones(1)
        chances = (1 - 1 / self.mean_interval) ** np.arange(LONGEST_INTERVAL)
        intervals: Floats = chances / chances.sum()
        return intervals

    @property
    def pace_transition(self) -> Floats:
        """Probability of the pace of the next event [P, P]."""
        count = len(self.paces)
        if count == 1:
            return np.ones((1, 1))
        leave = np.array([1 / pace.mean_stay for pace in self.paces])
        transition = np.repeat(leave[:, None] / (count - 1), count, 1)
        transition[np.arange(count), np.arange(count)] = 1 - leave
        return transition

    @property
    def pace_initial(self) -> Floats:
        """Distribution of the pace at the beginning of a stream [P], the stationary one."""
        stay = np.array([pace.mean_stay for pace in self.paces])
        initial: Floats = stay / stay.sum()
        return initial

    @property
    def digest(self) -> str:
        """Digest of the whole definition; of the confusions, their numbers and not the path of their file."""
        digest = hashlib.sha256(repr(dataclasses.replace(self, confusions=None)).encode())
        if self.confusions is not None:
            digest.update(np.round(self.confusions.rows, 9).tobytes())
        return digest.hexdigest()[:32]

    def denser(self, rates: tuple[float, ...]) -> "EventWorld":
        """World with another informative rate in each pace.

        Args:
            rates: A rate for each pace.

        Returns:
            The world.

        Raises:
            WorldError: A rate is invalid.
        """
        paces = tuple(
            dataclasses.replace(pace, informative_rate=rate)
            for pace, rate in zip(self.paces, rates, strict=True)
        )
        return dataclasses.replace(self, paces=paces)
