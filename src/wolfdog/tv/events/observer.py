"""Ideal observer of an event world: the exact Bayesian filter over its hidden facts.

Where looks are certain, an event informs about one fact only, and the pace about none. So the posterior of the facts is
the product of the posteriors of each, and each is filtered alone, with S_i states:

    b_t(s) = sum_r a_{t-1}(r) (A^d)(r, s)                       d frames since the last event
    a_t(s') ∝ sum_s b_t(s) C_k(s, s')                           C_k(s, s') = p(cue k | s) [after(s, k) = s']

where event t is cue k of the fact, else a_t = b_t. Where looks are confused, the posterior does not factorise, and the
chain of the pace and all facts together is filtered. Its transitions are applied fact by fact.
"""

import numpy as np

from wolfdog.errors import WorldError
from wolfdog.tv.events.automaton import Automaton, Floats
from wolfdog.tv.events.sampler import EventProgramme, powers
from wolfdog.tv.events.world import EventWorld


class EventObserver:
    """Exact filter of an event world.

    Args:
        world: The world that generates the events.

    Examples:
        >>> from wolfdog.tv.events import EventSampler, load_event_world
        >>> world = load_event_world("likely")
        >>> (labels,) = EventObserver(world).predict(EventSampler(world, streams=2, seed=0).draw(50))
        >>> labels.shape, bool(np.allclose(labels.sum(-1), 1))
        ((50, 2, 2), True)
    """

    def __init__(self, world: EventWorld) -> None:
        self.world = world
        self._chains = [fact.automaton() for fact in world.facts]
        self._elapsed = [powers(chain.elapse, len(world.intervals)) for chain in self._chains]
        self._cues = [_cue_transitions(chain) for chain in self._chains]
        self._labels = [
            np.eye(len(fact.labels))[chain.label]
            for fact, chain in zip(world.facts, self._chains, strict=True)
        ]

    def predict(self, programme: EventProgramme) -> tuple[Floats, ...]:
        """Probabilities of the labels of each fact at each event, given all earlier events.

        An ambiguous look of a fact tells nothing about the fact. So at such an event these are also the probabilities
        given all events up to it, and no observer of the same events can name the label more often.

        Args:
            programme: Programme of this world, which begins where its streams begin.

        Returns:
            For each fact the probabilities [T, N, labels].

        Raises:
            WorldError: The programme is of a world with other looks, or contradicts this one.
        """
        if programme.world.looks != self.world.looks:
            raise WorldError(
                f"the programme has the looks {', '.join(programme.world.looks)}, the observer's world "
                f"{', '.join(self.world.looks)}. Build the observer from the programme's world."
            )
        if self.world.confusions is not None:
            return self._jointly(programme)
        first = 0
        found = []
        for number, chain in enumerate(self._chains):
            found.append(self._alone(programme, number, first + 1))
            first += 1 + chain.cue.shape[1]
        return tuple(found)

    def _alone(self, programme: EventProgramme, number: int, first: int) -> Floats:
        """Probabilities of the labels of one fact [T, N, L], whose cues are the looks from `first` on."""
        chain, elapsed, cues = self._chains[number], self._elapsed[number], self._cues[number]
        cue = programme.look - first
        shown = (cue >= 0) & (cue < len(cues))
        belief = np.tile(chain.initial, (programme.look.shape[1], 1))
        found = np.empty((*programme.look.shape, len(programme.world.facts[number].labels)))
        for t in range(len(found)):
            if self.world.uneven:
                belief = np.einsum("ns,nsr->nr", belief, elapsed[programme.interval[t] - 1])
            else:
                belief = belief @ elapsed[0]
            belief = np.where(programme.restart[t][:, None], chain.initial, belief)
            found[t] = belief @ self._labels[number]
            streams = np.flatnonzero(shown[t])
            if len(streams):
                belief[streams] = _normalised(
                    np.einsum("ns,nsr->nr", belief[streams], cues[cue[t, streams]]), t
                )
        return found

    def _jointly(self, programme: EventProgramme) -> tuple[Floats, ...]:
        """Probabilities of the labels of every fact, from the chain of the pace and all facts."""
        world, facts = self.world, len(self.world.facts)
        assert world.confusions is not None
        likelihood = world.confusions.likelihood[programme.row]  # [T, N, looks]
        rate = np.array([pace.informative_rate for pace in world.paces])
        uncued = (1 - rate).reshape(-1, *(1,) * facts)
        initial = world.pace_initial
        for chain in self._chains:
            initial = np.multiply.outer(initial, chain.initial)
        belief = np.tile(initial, (programme.look.shape[1], *(1,) * initial.ndim))  # [N, P, S_1, ..., S_F]
        found = [np.empty((*programme.look.shape, of.shape[1])) for of in self._labels]
        for t in range(len(programme.look)):
            belief = _along(belief, 0, world.pace_transition)
            for number in range(facts):
                belief = _along(belief, number + 1, self._elapsed[number][programme.interval[t] - 1])
            belief = np.where(programme.restart[t].reshape(-1, *(1,) * initial.ndim), initial, belief)
            for number in range(facts):
                axes = tuple(axis for axis in range(1, initial.ndim + 1) if axis != number + 2)
                found[number][t] = _normalised((belief * uncued).sum(axes) @ self._labels[number], t)
            belief = self._seen(belief, likelihood[t], rate, uncued, t)
        return tuple(found)

    def _seen(self, belief: Floats, likelihood: Floats, rate: Floats, uncued: Floats, t: int) -> Floats:
        """Belief after an event whose look has this likelihood [N, looks]."""
        facts, share = len(self.world.facts), self.world.ambiguous_share
        without = likelihood[:, -1] * (1 - share)
        cued = belief * (rate / facts).reshape(-1, *(1,) * facts)
        after = np.zeros_like(belief)
        look = 0
        for number, cues in enumerate(self._cues):
            without = without + likelihood[:, look] * share / facts
            of_cue = likelihood[:, look + 1 : look + 1 + len(cues)]
            after += _along(cued, number + 1, np.einsum("nk,ksr->nsr", of_cue, cues))
            look += 1 + len(cues)
        after += belief * uncued * without.reshape(-1, *(1,) * (facts + 1))
        return _normalised(after.reshape(len(after), -1), t).reshape(after.shape)


def _cue_transitions(chain: Automaton) -> Floats:
    """p(cue k | s) [after(s, k) = s'] as [K, S, S]."""
    states, kinds = chain.cue.shape
    transitions = np.zeros((kinds, states, states))
    for kind in range(kinds):
        transitions[kind, np.arange(states), chain.after[:, kind]] = chain.cue[:, kind]
    return transitions


def _along(belief: Floats, axis: int, transition: Floats) -> Floats:
    """Belief [N, ...] moved along one of its axes after the first, by [S, S] or for each stream [N, S, S]."""
    moved = np.moveaxis(belief, axis + 1, -1)
    flat = moved.reshape(len(belief), -1, moved.shape[-1])
    after = np.matmul(flat, transition).reshape(moved.shape)
    return np.moveaxis(after, -1, axis + 1)


def _normalised(joint: Floats, event: int) -> Floats:
    total = joint.sum(-1, keepdims=True)
    if not (total > 0).all():
        raise WorldError(
            f"event {event}: it cannot follow the earlier ones in this world. Build the observer from the world that "
            "was drawn."
        )
    normalised: Floats = joint / total
    return normalised
