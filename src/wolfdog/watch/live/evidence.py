"""Past moments on which the present context label rests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..labelling.moments_table import BACKGROUND
from ..output.evidence import NEAR
from .history import LiveMoment
from .step_labeller import Past, StepLabeller

MOST_MOMENTS = 1500
"""Moments of the past that are looked through: five minutes at five a second."""
CANDIDATES = 12
"""Runs of past moments whose part in a label is computed: the latest ones."""
SHOWN = 5
ALONE = 3.0
"""Log odds above which a label stands without its past: 95 %."""
LEAST = 0.1
"""Least contribution that is shown: a tenth of a nat, or of the attention."""


@dataclass(frozen=True)
class PastMoment:
    """Past moment on which a label rests.

    Attributes:
        number: Number of the moment.
        ago: Seconds since then.
        label: Snapshot label of then.
        weight: Its part: with attention the share of the attention, else log odds in nats.
    """

    number: int
    ago: float
    label: str
    weight: float


@dataclass(frozen=True)
class Verdict:
    """Context label of a moment and what it rests on.

    Attributes:
        number: Number of the moment.
        label: Context label.
        attention: Whether the weights are attention weights, and not nats.
        past: Past moments, the largest weight first.
    """

    number: int
    label: str
    attention: bool
    past: tuple[PastMoment, ...]


def verdict_of(labeller: StepLabeller, moments: Sequence[LiveMoment]) -> Verdict | None:
    """Context label of the last of some moments, and the past moments on which it rests.

    A memory with attention weights says itself what it looked at. Of another memory, the past is divided into runs of
    one snapshot label, and the memory is run again without all moments up to the end of each of them:

        contribution(run) = logit q(label | run and what is nearer) - logit q(label | what is nearer)

    See `wolfdog.watch.nearest_first`. Moments of `unknown` and `blank` count with the run after them; where the context
    label is one of these, nothing is explained. Nothing is found, either, where the label is sure without its past.

    Args:
        labeller: Labeller of the source.
        moments: Moments in their order.

    Returns:
        The verdict; None without moments.
    """
    moments = moments[-MOST_MOMENTS:]
    if not moments:
        return None
    last = moments[-1]
    label = last.moment.context
    if label in BACKGROUND:
        return Verdict(last.number, label, bool(last.moment.evidence), ())
    if last.moment.evidence:
        past = _attended(moments)
        return Verdict(last.number, label, True, _largest(past))
    runs = _runs(moments)[-CANDIDATES:]
    if not runs:
        return Verdict(last.number, label, False, ())
    seen = Past(
        np.array([one.moment.time for one in moments]),
        np.stack([one.moment.snapshot_probabilities for one in moments]),
        [one.inside for one in moments],
    )
    losses = labeller.losses(seen, [stop for _, stop in runs], labeller.classes.index(label))
    sure = min(float(last.moment.context_probabilities.max()), 1 - 1e-7)
    if np.log(sure / (1 - sure)) - losses.max() > ALONE:
        return Verdict(last.number, label, False, ())
    parts = np.diff(losses, prepend=0.0)
    found = [
        _past_moment(moments, start, stop, float(part))
        for (start, stop), part in zip(runs, parts, strict=True)
    ]
    return Verdict(last.number, label, False, _largest(found))


def _largest(found: Sequence[PastMoment]) -> tuple[PastMoment, ...]:
    kept = [one for one in found if one.weight >= LEAST]
    return tuple(sorted(kept, key=lambda one: -one.weight)[:SHOWN])


def _runs(moments: Sequence[LiveMoment]) -> list[tuple[int, int]]:
    """Runs of one snapshot label before the last moment's own, from a first place up to, not including, a stop.

    Runs of one label with nothing but background between them, less than two seconds apart, are one.
    """
    runs: list[tuple[int, int]] = []
    labels = [one.moment.snapshot for one in moments]
    for place, label in enumerate(labels[:-1]):
        if label in BACKGROUND:
            continue
        if runs and labels[runs[-1][0]] == label:
            start, stop = runs[-1]
            if moments[place].at - moments[stop - 1].at <= NEAR:
                runs[-1] = start, place + 1
                continue
        runs.append((place, place + 1))
    # The run that the last moment belongs to is the present, not the past.
    if runs and runs[-1][1] == len(moments) - 1 and labels[runs[-1][0]] == labels[-1]:
        runs.pop()
    return runs


def _past_moment(moments: Sequence[LiveMoment], start: int, stop: int, weight: float) -> PastMoment:
    """Moment of a run whose snapshot is the surest."""
    label = moments[start].moment.snapshot
    own = [k for k in range(start, stop) if moments[k].moment.snapshot == label]
    best = max(own, key=lambda k: float(moments[k].moment.snapshot_probabilities.max()))
    one = moments[best]
    return PastMoment(one.number, moments[-1].at - one.at, one.moment.snapshot, weight)


def _attended(moments: Sequence[LiveMoment]) -> list[PastMoment]:
    """Intervals of the past with the largest attention weights; moments near to a larger one count with it."""
    last = moments[-1]
    numbers = {one.moment.time: k for k, one in enumerate(moments[:-1])}
    left = [piece for piece in last.moment.evidence if piece.time in numbers]
    found = []
    while left:
        top = max(left, key=lambda piece: piece.weight)
        near = [piece for piece in left if abs(piece.time - top.time) <= NEAR]
        left = [piece for piece in left if abs(piece.time - top.time) > NEAR]
        one = moments[numbers[top.time]]
        weight = sum(piece.weight for piece in near)
        found.append(PastMoment(one.number, last.at - one.at, one.moment.snapshot, weight))
    return found
