"""Accuracy, precision, recall and F1 from counts by source and class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bootstrap import Interval, interval, source_weights

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class.

    Attributes:
        support: Rows with this true label.
        precision: Of the rows given this label, the share that has it.
        recall: Of the rows that have this label, the share that was given it.
        f1: Harmonic mean of precision and recall.
    """

    support: int
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True)
class ClassScores:
    """Scores of labels; the intervals resample sources.

    Attributes:
        accuracy: Share of rows with the right label.
        balanced_accuracy: Mean recall of the classes that occur.
        macro_f1: Mean F1 of the classes that occur or were given.
        classes: By name.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    classes: dict[str, ClassScore]


def class_scores(
    truth: Integers,
    labels: Integers,
    source: Integers,
    names: tuple[str, ...],
    *,
    samples: int = 1000,
    seed: int = 0,
) -> ClassScores:
    """Scores of labels against the truth, with confidence intervals.

    Args:
        truth: [N] positions of the true classes.
        labels: [N] positions of the classes given.
        source: [N] number of the source of each row, from 0.
        names: Of the K classes.
        samples: Of the bootstrap.
        seed: Of the bootstrap.

    Examples:
        >>> scores = class_scores(
        ...     np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), ("wolf", "dog")
        ... )
        >>> scores.accuracy.value, scores.classes["wolf"].recall.value, scores.classes["dog"].precision.value
        (0.75, 0.5, 0.6666666666666666)
    """
    C, K = int(source.max(initial=-1)) + 1, len(names)
    right, given, true = (np.zeros((C, K)) for _ in range(3))
    hit = truth == labels
    np.add.at(right, (source[hit], truth[hit]), 1)
    np.add.at(given, (source, labels), 1)
    np.add.at(true, (source, truth), 1)
    weights = np.concatenate((np.ones((1, C)), source_weights(C, samples=samples, seed=seed)))
    r, g, t = weights @ right, weights @ given, weights @ true  # [1 + samples, K]
    precision, recall, f1 = _ratio(r, g), _ratio(r, t), _ratio(2 * r, g + t)
    with_class = (true > 0).sum(0)
    with_label = ((true + given) > 0).sum(0)

    def ends(values: Floats, sources: int) -> Interval:
        return interval(float(values[0]), values[1:], sources=sources)

    return ClassScores(
        ends(_ratio(r.sum(1), t.sum(1)), C),
        ends(_mean(recall), C),
        ends(_mean(f1), C),
        {
            name: ClassScore(
                int(t[0, k]),
                ends(np.where(g[:, k] + t[:, k] > 0, np.nan_to_num(precision[:, k]), np.nan), with_label[k]),
                ends(recall[:, k], with_class[k]),
                ends(f1[:, k], with_label[k]),
            )
            for k, name in enumerate(names)
        },
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _mean(values: Floats) -> Floats:
    """[S]: mean over classes, of those that are defined."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(1), known.sum(1).astype(np.float64))
