"""Scores of observers, and their JSON files."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any

from ...atomic import atomic_write
from ..model.cost import Cost
from .metrics import GapTable, balanced_share, confusion, gap_table, share
from .observers import IDEAL, IDEAL_GIVEN_CLASSIFIER, ObserverPredictions


@dataclass(frozen=True)
class Scores:
    """Scores of each observer.

    Args:
        table: Balanced accuracy on ambiguous moments by gap.
        ambiguous: Balanced accuracy of each observer on all ambiguous moments after an informative frame.
        rest: Accuracy of each observer on all other labelled moments.
        seed: Seed of the experiment; None if there was none.
        costs: Cost of each memory, if it was measured.
    """

    table: GapTable
    ambiguous: dict[str, float | None]
    rest: dict[str, float | None]
    seed: int | None
    costs: Mapping[str, Cost] = field(default_factory=dict)

    @classmethod
    def of(
        cls, judged: ObserverPredictions, seed: int | None = None, costs: Mapping[str, Cost] | None = None
    ) -> "Scores":
        """Scores of predictions.

        Args:
            judged: Probabilities of the observers.
            seed: Seed of the experiment; None if there was none.
            costs: Cost of each memory, if it was measured.

        Returns:
            The scores.
        """
        right = judged.right()
        known = judged.truth >= 0
        after = judged.ambiguous & (judged.gap > 0)
        return cls(
            gap_table(right, judged.truth, judged.gap, judged.ambiguous),
            {name: balanced_share(hits, after, judged.truth) for name, hits in right.items()},
            {name: share(hits, known & ~judged.ambiguous) for name, hits in right.items()},
            seed,
            costs or {},
        )

    def as_dict(self) -> dict[str, Any]:
        """Scores for JSON: buckets [lo, hi) in frames, accuracies (null in an empty bucket) by observer, and costs."""
        accuracy = self.table.accuracy
        ideals = (IDEAL, IDEAL_GIVEN_CLASSIFIER)
        return {
            "gaps": [list(bucket) for bucket in self.table.gaps],
            "counts": list(self.table.counts),
            "ideal": list(accuracy[IDEAL]),
            "ideal_given_the_classifier": list(accuracy[IDEAL_GIVEN_CLASSIFIER]),
            "memories": {name: list(values) for name, values in accuracy.items() if name not in ideals},
            "ambiguous": self.ambiguous,
            "rest": self.rest,
            "seed": self.seed,
            "costs": {name: asdict(cost) for name, cost in self.costs.items()},
        }


def write_scores(path: str | PathLike[str], runs: Sequence[Scores], notes: Mapping[str, Any]) -> None:
    """Write the scores of one run as a JSON object, atomically; of several runs the mean, with each under "runs".

    Args:
        path: The file.
        runs: Scores of each run.
        notes: Further values for JSON.

    Raises:
        OSError: The file cannot be written.
    """
    whole = mean(runs).as_dict() | dict(notes)
    if len(runs) > 1:
        whole["seed"] = [one.seed for one in runs]
        whole["spread"] = {name: list(values) for name, values in spread(runs).items()}
        whole["runs"] = [one.as_dict() for one in runs]
    with atomic_write(path) as file:
        json.dump(whole, file, indent=2, allow_nan=False)
        file.write("\n")


def mean(runs: Sequence[Scores]) -> Scores:
    """Mean over several runs.

    Counts are added, accuracies averaged over the runs that have them; of times the median is taken.

    Args:
        runs: Scores of each run.

    Returns:
        The mean.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    tables = [one.table for one in runs]
    accuracy = {
        name: tuple(
            _mean([table.accuracy[name][bucket] for table in tables])
            for bucket in range(len(first.table.gaps))
        )
        for name in first.table.accuracy
    }
    counts = tuple(sum(column) for column in zip(*(table.counts for table in tables), strict=True))
    return Scores(
        GapTable(first.table.gaps, counts, accuracy),
        {name: _mean([one.ambiguous[name] for one in runs]) for name in first.ambiguous},
        {name: _mean([one.rest[name] for one in runs]) for name in first.rest},
        first.seed,
        {
            name: Cost(
                cost.parameters,
                round(statistics.median(one.costs[name].microseconds for one in runs), 1),
            )
            for name, cost in first.costs.items()
        },
    )


def spread(runs: Sequence[Scores]) -> dict[str, tuple[float | None, ...]]:
    """Standard deviation over several runs, by observer and bucket.

    Args:
        runs: Scores of each run.

    Returns:
        The deviations; None where fewer than two runs have an accuracy.
    """
    return {
        name: tuple(
            _deviation([one.table.accuracy[name][bucket] for one in runs])
            for bucket in range(len(runs[0].table.gaps))
        )
        for name in runs[0].table.accuracy
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _deviation(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) > 1 else None


def write_evaluation(path: str | PathLike[str], judged: ObserverPredictions) -> None:
    """Write accuracy and confusion matrix of each observer as JSON, atomically.

    With labels of whole files, the scores over these are added as "bags"; with a world, the accuracy by gap.

    Args:
        path: The file.
        judged: Probabilities of the observers.

    Raises:
        OSError: The file cannot be written.
    """
    known = judged.truth >= 0
    right = judged.right()
    whole: dict[str, Any] = {
        "classes": list(judged.classes),
        "moments": int(known.sum()),
        "accuracy": {name: share(hits, known) for name, hits in right.items()},
        "confusion": {
            name: confusion(judged.truth_for(name), probabilities.argmax(-1), len(judged.classes)).tolist()
            for name, probabilities in judged.probabilities.items()
        },
    }
    if judged.bags:
        whole["bags"] = {name: found.as_dict() for name, found in judged.of_bags().items()}
    if IDEAL in judged.probabilities:
        whole |= Scores.of(judged).as_dict()
    with atomic_write(path) as file:
        json.dump(whole, file, indent=2, allow_nan=False)
        file.write("\n")
