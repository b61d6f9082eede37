"""Comparison of methods on simulated streams: context probabilities and their scores by degradation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.tv import IdealObserver, Programme
from wolfdog.watch.predictions import Predictions

from ..evaluation.metrics import GAPS, GapTable, gap_table
from ..smoothing.method import Method
from .posterior import CalibratedPosterior
from .scoring import Score, flips_a_minute, score
from .streams import SimulatedStreams

Floats = NDArray[np.float64]

ALL = "all"
"""Row of all degradations together."""
SNAPSHOT, IDEAL = "classifier alone", "ideal observer"
CANINES = ("wolf", "dog")


def predictions_of(streams: SimulatedStreams, classes: Sequence[str], classifier: str = "") -> Predictions:
    """Predictions table of simulated streams: a deployment for each stream, its frames in order."""
    T, N, K = streams.log_p.shape
    p = np.exp(streams.log_p).transpose(1, 0, 2).reshape(N * T, K)
    return Predictions.from_columns(
        classes,
        p / p.sum(-1, keepdims=True),
        time=streams.seconds.astype(np.float64).cumsum(0).T.reshape(-1),
        deployment=np.repeat([f"stream {n}" for n in range(N)], T).astype(object),
        frame=np.tile(np.arange(T), N),
        clarity=streams.clarity.T.reshape(-1),
        classifier=classifier,
    )


def contexts(
    streams: SimulatedStreams, classes: Sequence[str], methods: Mapping[str, Method], *, ahead: bool = False
) -> dict[str, Floats]:
    """Context probabilities [T, N, K] of the classifier alone and of each method, causal unless `ahead`."""
    table = predictions_of(streams, classes)
    T, N, K = streams.log_p.shape
    said = {SNAPSHOT: np.exp(streams.log_p).astype(np.float64)}
    for name, method in methods.items():
        context = method.smooth(table, ahead=ahead).context
        if context is not None:
            said[name] = context.reshape(N, T, K).transpose(1, 0, 2).astype(np.float64)
    return said


def ideal_context(
    streams: SimulatedStreams, programme: Programme, classes: Sequence[str], posterior: CalibratedPosterior
) -> Floats:
    """Probabilities [T, N, K] of the exact filter of the world, given the classifier's errors and where shots begin."""
    world = programme.world
    order = [list(classes).index(label) for label in world.labels]
    seen = posterior.probabilities(streams.log_p)[..., order]
    even = np.full(len(order), 1 / len(order))
    said = IdealObserver(world).given_classifier(seen, even, cuts=streams.cuts)
    return np.asarray(said[..., np.argsort(order)])


@dataclass(frozen=True)
class Scores:
    """Scores of one method.

    Attributes:
        by_degradation: Scores of each degradation that occurs, and of `ALL`.
        flips: Changes of the label per minute.
    """

    by_degradation: dict[str, Score]
    flips: float


def scores_of(
    said: Mapping[str, Floats], streams: SimulatedStreams, degradations: Sequence[str], classes: Sequence[str]
) -> dict[str, Scores]:
    """Scores of each method's probabilities [T, N, K]."""
    canines = tuple(list(classes).index(name) for name in CANINES if name in classes)
    table = {}
    for name, p in said.items():
        of_kind = {}
        everything = np.ones(streams.labels.shape, bool)
        for kind, among in (
            (ALL, everything),
            *((kind, streams.degradations == number) for number, kind in enumerate(degradations)),
        ):
            result = score(p, streams.labels, among, canines)
            if result is not None:
                of_kind[kind] = result
        table[name] = Scores(of_kind, flips_a_minute(p.argmax(-1), streams.seconds))
    return table


def gap_tables(
    said: Mapping[str, Floats], streams: SimulatedStreams, programme: Programme, degradations: Sequence[str]
) -> dict[str, GapTable]:
    """For each degradation, balanced accuracy on ambiguous frames by the frames since the last informative one."""
    right = {name: (p.argmax(-1) == streams.labels).reshape(-1) for name, p in said.items()}
    truth, gap = streams.labels.reshape(-1), programme.gap.reshape(-1)
    tables = {}
    for number, kind in enumerate(degradations):
        among = programme.ambiguous & (streams.degradations == number)
        tables[kind] = gap_table(right, truth, gap, among.reshape(-1), GAPS)
    return tables


def mean_gap_tables(runs: Sequence[Mapping[str, GapTable]]) -> dict[str, GapTable]:
    """Mean over runs of the accuracies in each bucket, empty buckets left out; counts are added.

    Examples:
        >>> one, two = (GapTable(((1, 9),), (n,), {"memory": (a,)}) for n, a in ((300, 0.8), (100, 0.9)))
        >>> mean = mean_gap_tables([{"night": one}, {"night": two}])["night"]
        >>> mean.counts, round(mean.accuracy["memory"][0], 2)
        ((400,), 0.85)
    """
    means = {}
    for kind, first in runs[0].items():
        tables = [run[kind] for run in runs]
        accuracy = {}
        for name in first.accuracy:
            columns = zip(*(table.accuracy[name] for table in tables), strict=True)
            known = [[value for value in column if value is not None] for column in columns]
            accuracy[name] = tuple(float(np.mean(values)) if values else None for values in known)
        counts = tuple(sum(column) for column in zip(*(table.counts for table in tables), strict=True))
        means[kind] = GapTable(first.gaps, counts, accuracy)
    return means
