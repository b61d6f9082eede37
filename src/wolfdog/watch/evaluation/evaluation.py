"""Evaluation of predictions against labels: classes, events, ranking, and probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wolfdog.errors import InputError

from ..predictions import Predictions
from .bootstrap import Interval, interval, source_weights
from .class_scores import ClassScores, class_scores
from .confidence_scores import (
    Reliability,
    RiskCurve,
    brier_score,
    log_loss,
    reliability,
    risk_curve,
)
from .label_classes import consistent_share, positions_of
from .metrics import confusion
from .ranking_scores import mean_average_precisions
from .segment_scores import OVERLAPS, edit_score, found_events, segments_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one set of predictions.

    Attributes:
        name: What was evaluated.
        classes: K names: those of the predictions, then those that only the labels have.
        rows: Number of labelled rows.
        sources: Number of deployments among them.
        labels: Accuracy, precision, recall and F1.
        confusion: [K, K], true classes as rows.
        mean_average_precision: Mean over classes of the average precision of rows, without the blank class; None
            where no other class occurs.
        calibrated_mean_average_precision: The same, calibrated (De Geest et al. 2016).
        edit: Mean edit score of the deployments.
        events: F1 of events at each share of overlap.
        log_loss: In nats.
        brier: Mean squared distance of the probabilities, 0 to 2.
        reliability: Bins of confidence; its `error` is the expected calibration error.
        risk: Error against coverage.
        foreign: Labels that are no class of the predictions; their rows count as wrong.
        consistent: Share of rows whose label is the true taxon, or one above or below it; None where no class has a
            taxonomy.
    """

    name: str
    classes: tuple[str, ...]
    rows: int
    sources: int
    labels: ClassScores
    confusion: Integers
    mean_average_precision: float | None
    calibrated_mean_average_precision: float | None
    edit: Interval
    events: dict[float, Interval]
    log_loss: float
    brier: float
    reliability: Reliability
    risk: RiskCurve
    foreign: tuple[str, ...]
    consistent: float | None


def evaluate_predictions(
    table: Predictions,
    labels: NDArray[np.object_],
    *,
    context: bool = False,
    name: str = "",
    samples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Scores of predictions against labels; confidence intervals resample deployments.

    Accuracy, average precision and probabilities are of rows (detections, or frames); edit score and events are of
    frames, each with the row of which the detector is surest, in the order of time, the blank class left out of events.
    Rows without a label are left out.

    Args:
        table: Predictions.
        labels: [N] names of the true classes; None where unknown.
        context: Whether the context probabilities are judged, instead of the classifier's.
        name: What is evaluated.
        samples: Samples of the bootstrap.
        seed: Seed of the bootstrap.

    Raises:
        InputError: No row has a label, or the table has no context.

    Examples:
        >>> table = Predictions.from_columns(["wolf", "dog"], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], time=[0, 1, 2])
        >>> found = evaluate_predictions(table, np.array(["wolf", "wolf", "dog"], object))
        >>> round(found.labels.accuracy.value, 3), found.edit.value, found.confusion.tolist()
        (0.667, 1.0, [[1, 1], [0, 1]])
    """
    if np.shape(labels) != (len(table),):
        raise InputError(f"labels must be one for each of {len(table)} rows, got {list(np.shape(labels))}.")
    known = np.array([label is not None for label in labels], bool)
    if not known.any():
        some = ", ".join(dict.fromkeys(map(str, table.media.tolist())))
        raise InputError(f"the labels name none of the files of these predictions ({some[:200] or 'none'}).")
    judged, names = table.take(known), labels[known]
    classes, truth, foreign = positions_of(names, table.classes)
    if len(foreign) == len(set(names.tolist())):
        raise InputError(
            f"the labels are {', '.join(foreign)[:200]}: none of them is a class of the predictions "
            f"({', '.join(table.classes)[:200]})."
        )
    p = judged.probabilities if not context else judged.context
    if p is None:
        raise InputError("these predictions have no context probabilities: run a smoothing method first.")
    whole = np.zeros((len(judged), len(classes)))
    whole[:, : p.shape[1]] = p
    given = whole.argmax(-1)
    places = {place: number for number, place in enumerate(judged.deployments())}
    source = np.array([places[place] for place in judged.deployment.tolist()], np.int64)
    confidence, right = whole.max(-1), given == truth
    plain, calibrated = mean_average_precisions(whole, truth, leave_out=table.blank_index)
    edit, events = _of_events(judged, given, truth, samples=samples, seed=seed)
    return Evaluation(
        name,
        classes,
        len(judged),
        len(places),
        class_scores(truth, given, source, classes, samples=samples, seed=seed),
        confusion(truth, given, len(classes)),
        plain,
        calibrated,
        edit,
        events,
        log_loss(whole, truth),
        brier_score(whole, truth),
        reliability(confidence, right),
        risk_curve(confidence, right),
        foreign,
        consistent_share(classes, given, truth),
    )


def _of_events(
    table: Predictions, given: Integers, truth: Integers, *, samples: int, seed: int
) -> tuple[Interval, dict[float, Interval]]:
    """Edit score, and F1 of events by share of overlap."""
    edits: list[float] = []
    counts: list[list[tuple[int, int, int]]] = []
    for rows in frames_in_order(table):
        found = segments_of(given[rows], background=table.blank_index)
        true = segments_of(truth[rows], background=table.blank_index)
        edits.append(edit_score(found, true))
        counts.append([found_events(found, true, overlap) for overlap in OVERLAPS])
    C = len(edits)
    weights = np.concatenate((np.ones((1, C)), source_weights(C, samples=samples, seed=seed)))
    edit = weights @ np.array(edits) / weights.sum(1)
    total = np.einsum("sc,cok->sok", weights, np.array(counts, np.float64))  # [1 + samples, overlaps, 3]
    hits, false, missed = total[..., 0], total[..., 1], total[..., 2]
    below = 2 * hits + false + missed
    f1 = np.divide(2 * hits, below, out=np.full(below.shape, np.nan), where=below > 0)
    return interval(float(edit[0]), edit[1:], sources=C), {
        overlap: interval(float(f1[0, at]), f1[1:, at], sources=C) for at, overlap in enumerate(OVERLAPS)
    }


def frames_in_order(table: Predictions) -> Iterator[Integers]:
    """Of each deployment, one row of each frame in the order of time: the detector's surest, the first of equals.

    Examples:
        >>> table = Predictions.from_columns(
        ...     ["wolf", "dog"], [[1, 0]] * 3, frame=[0, 0, 1], detection=[0, 1, 0], confidence=[0.2, 0.9, 0.5]
        ... )
        >>> [rows.tolist() for rows in frames_in_order(table)]
        [[1, 2]]
    """
    for _, rows in table.stream_rows():
        stream = table.take(rows)
        frame = stream.frame_numbers()
        sure = np.nan_to_num(stream.confidence.astype(np.float64), nan=-1.0)
        order = np.lexsort((np.arange(len(rows)), -sure, frame))
        first = np.flatnonzero(np.diff(frame[order], prepend=-1))
        yield rows[order[first]]
