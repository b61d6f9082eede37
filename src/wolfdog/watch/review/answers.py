"""Answers of people, passed on to the moments around them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from ..predictions import Predictions
from ..smoothing.method import Method

Integers = NDArray[np.int64]


def smooth_with_answers(
    method: Method, table: Predictions, answers: Integers, *, ahead: bool = False
) -> Predictions:
    """Context probabilities given the labels of some rows.

    A known label takes the place of the classifier's probabilities: one for its class, zero for the others, nothing
    spread. The method runs over what is then known, so that a recurrent memory carries it to the moments after (looking
    ahead, also before), a hidden Markov model is clamped, and a vote counts it as a sure one. The answered rows
    themselves keep the answer. The probabilities of the classifier stay in the table as they were.

    Args:
        method: Of smoothing.
        table: Predictions.
        answers: [N] positions of the right classes; -1 where unknown.
        ahead: As of `Method.smooth`.

    Raises:
        InputError: The answers do not fit the table, or the method has no such form.

    >>> from ..smoothing import HiddenMarkov
    >>> seen = Predictions.from_columns(["wolf", "dog"], [[0.5, 0.5]] * 3, time=[0, 1, 2])
    >>> found = smooth_with_answers(HiddenMarkov(), seen, np.array([-1, 1, -1]), ahead=True).context
    >>> found[:, 1].astype(float).round(2).tolist()
    [0.95, 1.0, 0.95]
    """
    y = np.asarray(answers)
    if y.shape != (len(table),) or (len(y) and (y.min() < -1 or y.max() >= len(table.classes))):
        raise InputError(
            f"answers must be positions of {len(table.classes)} classes or -1, one for each of {len(table)} rows."
        )
    known = y >= 0
    certain = np.eye(len(table.classes))[y[known]]
    p, spread = table.probabilities.copy(), table.spread.copy()
    p[known], spread[known] = certain, 0
    smoothed = method.smooth(replace(table, probabilities=p, spread=spread), ahead=ahead)
    assert smoothed.context is not None
    context = smoothed.context.copy()
    context[known] = certain
    count = int(known.sum())
    return table.with_context(context, f"{smoothed.method} + {count} answer{'s' * (count != 1)}")


def answers_of(table: Predictions, labels: NDArray[np.object_]) -> Integers:
    """[N] positions of labels [N] among a table's classes; -1 where a label is None.

    Raises:
        InputError: A label is none of the classes.
    """
    from ..evaluation.label_classes import positions_of

    known = np.array([label is not None for label in labels], bool)
    _, found, foreign = positions_of(labels[known], table.classes)
    if foreign:
        raise InputError(
            f"a person said {foreign[0]!r}; the predictions have the classes {', '.join(table.classes)[:300]}."
        )
    answers = np.full(len(table), -1, np.int64)
    answers[known] = found
    return answers
