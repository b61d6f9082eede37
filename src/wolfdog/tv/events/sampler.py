"""Programmes of an event world, drawn in chunks without end."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError
from wolfdog.tv.chance import pick
from wolfdog.tv.events.automaton import Floats, Ints
from wolfdog.tv.events.world import EventWorld


@dataclass(frozen=True, eq=False)
class EventProgramme:
    """Programme of T events of N streams.

    Args:
        world: World that it was drawn from.
        look: Index of the look of each event, into world.looks [T, N].
        fact: Index of the fact whose ambiguous look is shown, -1 at other events [T, N].
        answer: Label of that fact at the event, an index into its labels; -1 at other events [T, N].
        gap: Events since the last cue of that fact; -1 before the first, and at other events [T, N].
        interval: Frames since the previous event [T, N].
        restart: Whether a stream begins at the event [T, N].
        row: Row of the world's confusions that is shown; -1 without confusions [T, N].
    """

    world: EventWorld
    look: Ints
    fact: Ints
    answer: Ints
    gap: Ints
    interval: Ints
    restart: NDArray[np.bool_]
    row: Ints

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """Whether an event is ambiguous and follows a cue of its fact [T, N]."""
        return self.gap > 0


class EventSampler:
    """Source of the programmes of N streams of an event world, in chunks.

    Args:
        world: May be replaced between draws by a world with the same facts.
        streams: Number of independent streams, N.
        seed: Seed of the programmes.
        mean_length: Mean number of events until a stream ends and another one begins; None: streams do not end.

    Raises:
        InputError: `streams` or `mean_length` is less than 1, or `seed` is negative.

    Examples:
        >>> from wolfdog.tv.events import load_event_world
        >>> EventSampler(load_event_world("likely"), streams=3, seed=1).draw(64).look.shape
        (64, 3)
    """

    def __init__(
        self, world: EventWorld, streams: int = 1, *, seed: int = 0, mean_length: float | None = None
    ) -> None:
        if streams < 1 or seed < 0 or (mean_length is not None and mean_length < 1):
            raise InputError(
                f"event sampler: expected 1 stream or more, a seed from 0 up and a length from 1 up, got {streams}, "
                f"{seed} and {mean_length}."
            )
        self.world = world
        self._streams, self._mean_length = streams, mean_length
        self._rng = np.random.default_rng(seed)
        self._chains = [fact.automaton() for fact in world.facts]
        self._elapsed = [np.cumsum(powers(chain.elapse, len(world.intervals)), -1) for chain in self._chains]
        self._state = np.zeros((len(world.facts), streams), np.int64)
        self._gap = np.full((len(world.facts), streams), -1)
        self._pace = np.zeros(streams, np.int64)
        self._begin = np.ones(streams, np.bool_)

    def draw(self, events: int) -> EventProgramme:
        """Next events of all streams.

        Args:
            events: Number of events, T.

        Returns:
            Their programme.

        Raises:
            InputError: `events` is negative.
        """
        if events < 0:
            raise InputError(f"events: expected 0 or more, got {events}.")
        world, shape = self.world, (events, self._streams)
        look, fact, answer, gap = (np.full(shape, -1) for _ in range(4))
        interval, restart = np.ones(shape, np.int64), np.zeros(shape, np.bool_)
        of_row = np.empty(shape)
        intervals, paces = np.cumsum(world.intervals), np.cumsum(world.pace_transition, -1)
        rates = np.array([pace.informative_rate for pace in world.paces])
        first = np.cumsum(
            [0, *(1 + len(of.cue_names) for of in world.facts)]
        )  # look of each fact, and of the rest
        for t in range(events):
            chance = self._rng.random((7 + len(world.facts), self._streams))
            if self._mean_length is not None:
                self._begin = self._begin | (chance[0] < 1 / self._mean_length)
            restart[t] = self._begin
            if world.uneven:
                interval[t] = 1 + pick(intervals[None], chance[1])
            self._pace = pick(paces[self._pace], chance[2])
            of_row[t] = chance[6]
            self._elapse(interval[t], chance[7:])
            if self._begin.any():
                self._restart()
            cue = chance[3] < rates[self._pace]
            asked = ~cue & (chance[4] < world.ambiguous_share)
            which = np.minimum((chance[5] * len(world.facts)).astype(np.int64), len(world.facts) - 1)
            look[t] = np.where(asked, first[which], first[-1])
            fact[t] = np.where(asked, which, -1)
            self._gap += self._gap >= 0
            for number, chain in enumerate(self._chains):
                here = asked & (which == number)
                answer[t, here] = chain.label[self._state[number, here]]
                gap[t, here] = self._gap[number, here]
                shown = np.flatnonzero(cue & (which == number))
                if len(shown):
                    state = self._state[number, shown]
                    kind = pick(np.cumsum(chain.cue, -1)[state], self._rng.random(len(shown)))
                    look[t, shown] = first[number] + 1 + kind
                    self._state[number, shown] = chain.after[state, kind]
                    self._gap[number, shown] = 0
        return EventProgramme(world, look, fact, answer, gap, interval, restart, self._rows(look, of_row))

    def _elapse(self, interval: Ints, chance: Floats) -> None:
        """Move every fact through the frames since the last event, by `chance` [facts, N]."""
        for number, elapsed in enumerate(self._elapsed):
            self._state[number] = pick(elapsed[interval - 1, self._state[number]], chance[number])

    def _restart(self) -> None:
        """Begin the streams that `_begin` marks anew."""
        begin = np.flatnonzero(self._begin)
        self._pace[begin] = pick(np.cumsum(self.world.pace_initial)[None], self._rng.random(len(begin)))
        for number, chain in enumerate(self._chains):
            self._state[number, begin] = pick(np.cumsum(chain.initial)[None], self._rng.random(len(begin)))
        self._gap[:, begin] = -1
        self._begin = np.zeros_like(self._begin)

    def _rows(self, look: Ints, chance: Floats) -> Ints:
        confusions = self.world.confusions
        if confusions is None:
            return np.full(look.shape, -1)
        cumulative = np.cumsum(confusions.likelihood, 0)
        rows = np.empty(look.shape, np.int64)
        for number in range(cumulative.shape[1]):
            of_look = look == number
            rows[of_look] = np.searchsorted(
                cumulative[:, number], chance[of_look] * cumulative[-1, number], "right"
            )
        return np.minimum(rows, len(cumulative) - 1)

    def state_dict(self) -> dict[str, Any]:
        """State of the sampler as numbers and lists, for JSON; the world is not part of it."""
        return {
            "state": self._state.tolist(),
            "gap": self._gap.tolist(),
            "pace": self._pace.tolist(),
            "begin": self._begin.tolist(),
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of another sampler of the same facts and number of streams.

        Args:
            state: Result of `state_dict`.

        Raises:
            InputError: The state is of another sampler.
        """
        try:
            place = [np.array(state[name], np.int64) for name in ("state", "gap", "pace")]
            begin = np.array(state["begin"], np.bool_)
            sizes = [len(chain.initial) for chain in self._chains]
            expected = [self._state.shape, self._gap.shape, self._pace.shape]
            if [part.shape for part in place] != expected or begin.shape != self._begin.shape:
                raise ValueError("another number of facts or streams")
            if not ((place[0] >= 0) & (place[0] < np.array(sizes)[:, None])).all():
                raise ValueError("a state that no fact has")
            if not ((place[2] >= 0) & (place[2] < len(self.world.paces))).all():
                raise ValueError("a pace that the world does not have")
            rng = np.random.default_rng()
            rng.bit_generator.state = state["rng"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"not a state of this event sampler: {error}. Use what state_dict() gave."
            ) from error
        (self._state, self._gap, self._pace), self._begin, self._rng = place, begin, rng


def powers(transition: Floats, count: int) -> Floats:
    """Powers of a transition matrix from the first to the `count`-th [count, S, S].

    Args:
        transition: Transition matrix [S, S].
        count: Number of powers.

    Returns:
        The powers.

    Examples:
        >>> powers(np.array([[0.5, 0.5], [0.0, 1.0]]), 2)[1].tolist()
        [[0.25, 0.75], [0.0, 1.0]]
    """
    found = np.empty((count, *transition.shape))
    found[0] = transition
    for number in range(1, count):
        np.matmul(found[number - 1], transition, out=found[number])
    return found
